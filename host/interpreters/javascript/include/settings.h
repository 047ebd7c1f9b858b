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

// QuickJS takes what is small from blocks of 4 KB, one for each of 31 sizes. A user, who needs
// little of each size, would so write to a page or two for each. Where addresses are sanitized,
// which means nothing else here, it leaves all that to malloc, and that is ours
// (`src/memory.rs`).
#define __SANITIZE_ADDRESS__ 1
#include <malloc.h>
#include <stdlib.h>
void *swell_malloc(size_t size);
void *swell_calloc(size_t count, size_t size);
void *swell_realloc(void *block, size_t size);
void swell_free(void *block);
size_t swell_usable_size(void *block);
#define malloc(size) swell_malloc(size)
#define calloc(count, size) swell_calloc(count, size)
#define realloc(block, size) swell_realloc(block, size)
#define free(block) swell_free(block)
#define malloc_usable_size(block) swell_usable_size(block)
