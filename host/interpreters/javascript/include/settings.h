// Included before each file of QuickJS.
//
// Where QuickJS is compiled for WASI it sets no limit to nested calls, as it was long run where
// nothing could be known of the stack. Ours is known, and a script that calls itself for ever is to
// get a RangeError and not the end of its user. So QuickJS is not told what it is compiled for, once
// the one header that insists on it is read; what else it does for WASI alone, to ask how large an
// allocation is, it does for this name, too.
#include <wasi/api.h>
#undef __wasi__
#define __ANDROID__ 1

// QuickJS takes what is small from blocks of 4 KB, one for each of 31 sizes. A user, who needs little
// of each size, would so write to a page or two for each. The libc's own malloc puts all sizes side
// by side; QuickJS leaves it to that where addresses are sanitized, which means nothing else here.
#define __SANITIZE_ADDRESS__ 1
