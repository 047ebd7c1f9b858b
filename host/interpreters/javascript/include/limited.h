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
