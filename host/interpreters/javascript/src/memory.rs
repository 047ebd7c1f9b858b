//! Where in memory things lie.
//!
//! Users begin with the memory that [`prepare`](crate::prepared) leaves, and share each page of it
//! to which they do not write. QuickJS counts in each object who holds it, and so a user writes to
//! whatever it calls and reads. Strewn over all objects that would be most pages; so all that is
//! written lies together here.
//!
//! Which that is, is found where the interpreter is built (`host/interpreters/snapshot`). It is
//! prepared twice. The first time, each block that is allocated has a number, and a rehearsal shows
//! to which of them users write, and which they read. The second time, the same blocks are
//! allocated in the same order, each in its [`BlockPlace`].
//!
//! A small block that is freed is the next that is given to whoever asks for its size: it is in the
//! processor's cache still. New blocks of all sizes lie side by side, as a user needs little of
//! each.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

/// Addresses are multiples of it, and so are all sizes with their headers.
const ALIGN: usize = 8;

/// Before each block, what it is: its size with this header if it is small, and its place above
/// that. Of a large one it is 0, and its size stands before.
const HEADER: usize = 4;

/// The largest size, with its header, that is small. What is larger is the libc's.
const LARGEST: usize = 512;

const SIZES: usize = LARGEST / ALIGN + 1;

/// What the libc gives for small blocks at a time: with what it adds itself, a page.
const CHUNK: usize = 4096 - 16;

/// The same where what all users begin with is made.
const SHARED_CHUNK: usize = 64 << 10;

const PAGE: usize = 4096;

/// Where a block lies, by what users do with it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum BlockPlace {
    /// Nothing that the rehearsals show.
    Rest,
    /// They read it.
    Read,
    /// Some write to it.
    WrittenBySome,
    /// All write to it. What is a user's own lies behind it.
    Written,
}

impl BlockPlace {
    fn of(number: u8) -> Self {
        match number {
            0 => Self::Rest,
            1 => Self::Read,
            2 => Self::WrittenBySome,
            _ => Self::Written,
        }
    }
}

/// Small blocks of one place.
struct BlockPool {
    /// Those that were freed, by their size in steps of [`ALIGN`]: each begins with the next.
    freed: [*mut u8; SIZES],
    /// What is left of the last chunk.
    next: usize,
    end: usize,
}

impl BlockPool {
    const fn new() -> Self {
        Self { freed: [ptr::null_mut(); SIZES], next: 0, end: 0 }
    }

    /// A block of this size, that with its header.
    fn take(&mut self, whole: usize, place: BlockPlace, is_shared: bool) -> *mut u8 {
        let freed = &mut self.freed[whole / ALIGN];
        let block = *freed;
        if !block.is_null() {
            // SAFETY: it was freed, and so begins with the next.
            *freed = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        if self.end - self.next < whole && !self.has_more(place, is_shared) {
            return ptr::null_mut();
        }
        self.cut(whole, place)
    }

    /// The next block of the chunk.
    fn cut(&mut self, whole: usize, place: BlockPlace) -> *mut u8 {
        let block = ptr::with_exposed_provenance_mut::<u8>(self.next + HEADER);
        self.next += whole;
        // SAFETY: it is within the chunk.
        unsafe { header(block).write(whole as u32 | (place as u32) << 16) };
        block
    }

    fn has_more(&mut self, place: BlockPlace, is_shared: bool) -> bool {
        // SAFETY: no size is zero.
        let (chunk, size) = if is_shared {
            (unsafe { aligned_alloc(PAGE, SHARED_CHUNK) }, SHARED_CHUNK)
        } else {
            (unsafe { malloc(CHUNK) }, CHUNK)
        };
        if chunk.is_null() {
            return false;
        }
        let left = self.end - self.next;
        if left > 0 {
            let block = self.cut(left, place);
            self.give(block, left);
        }
        // Headers end where an address is a multiple: half a step is left at both ends.
        self.next = chunk.expose_provenance() + HEADER;
        self.end = self.next + size - ALIGN;
        true
    }

    fn give(&mut self, block: *mut u8, whole: usize) {
        let freed = &mut self.freed[whole / ALIGN];
        // SAFETY: the smallest block has room for an address.
        unsafe { block.cast::<*mut u8>().write(*freed) };
        *freed = block;
    }

    /// Forgets all blocks that were freed, and leaves zeros, which are in no file.
    fn forget_freed(&mut self) {
        for (step, freed) in self.freed.iter_mut().enumerate() {
            while !freed.is_null() {
                let block = *freed;
                // SAFETY: it was freed with this size.
                unsafe {
                    *freed = block.cast::<*mut u8>().read();
                    ptr::write_bytes(block, 0, step * ALIGN - HEADER);
                }
            }
        }
    }
}

/// Blocks in the order in which they are allocated, while what users begin with is made.
struct BlockNumbering {
    is_on: bool,
    count: usize,
    /// Where each lies and how large it is, if that is asked for.
    record: *mut [usize; 2],
    record_length: usize,
    /// The place of each, if that is known.
    places: *mut u8,
    places_length: usize,
}

struct Memory {
    pools: [BlockPool; 4],
    numbering: BlockNumbering,
}

/// What QuickJS and Rust take their memory from.
struct SharedMemory(UnsafeCell<Memory>);

// SAFETY: there is one thread.
unsafe impl Sync for SharedMemory {}

static MEMORY: SharedMemory = SharedMemory(UnsafeCell::new(Memory {
    pools: [BlockPool::new(), BlockPool::new(), BlockPool::new(), BlockPool::new()],
    numbering: BlockNumbering {
        is_on: true,
        count: 0,
        record: ptr::null_mut(),
        record_length: 0,
        places: ptr::null_mut(),
        places_length: 0,
    },
}));

fn memory() -> &'static mut Memory {
    // SAFETY: there is one thread, and nothing that is called while this is held asks for it again.
    unsafe { &mut *MEMORY.0.get() }
}

/// # Safety
/// It is a block.
unsafe fn header(block: *mut u8) -> *mut u32 {
    // SAFETY: each block has a header before it.
    unsafe { block.sub(HEADER) }.cast()
}

/// The size of a block without its header.
///
/// # Safety
/// It is a block that is not freed.
unsafe fn usable(block: *mut u8) -> usize {
    // SAFETY: each block has a header before it, and a large one its size before that.
    unsafe {
        match header(block).read() {
            0 => block.sub(ALIGN).cast::<u32>().read() as usize,
            small => (small & 0xffff) as usize - HEADER,
        }
    }
}

impl Memory {
    fn allocate(&mut self, size: usize) -> *mut u8 {
        if size > LARGEST - HEADER {
            // SAFETY: the size is not zero.
            return self.large(size, |whole| unsafe { malloc(whole) });
        }
        let whole = (size.max(1) + HEADER).next_multiple_of(ALIGN);
        if !self.numbering.is_on {
            return self.pools[BlockPlace::Written as usize].take(
                whole,
                BlockPlace::Written,
                false,
            );
        }
        let place = self.numbering.place();
        let block = self.pools[place as usize].take(whole, place, true);
        self.numbering.note(block, size);
        block
    }

    fn large(&mut self, size: usize, get: impl Fn(usize) -> *mut c_void) -> *mut u8 {
        let Some(whole) = size.checked_add(ALIGN) else { return ptr::null_mut() };
        let chunk = get(whole).cast::<u8>();
        if chunk.is_null() {
            return chunk;
        }
        // SAFETY: it is as large as was asked for.
        let block = unsafe {
            chunk.cast::<[u32; 2]>().write([size as u32, 0]);
            chunk.add(ALIGN)
        };
        if self.numbering.is_on {
            self.numbering.note(block, size);
        }
        block
    }

    /// # Safety
    /// It is a block that is not freed.
    unsafe fn release(&mut self, block: *mut u8) {
        // SAFETY: the caller's.
        unsafe {
            let kind = header(block).read();
            if kind == 0 {
                return free(block.sub(ALIGN).cast());
            }
            let is_on = self.numbering.is_on;
            let place = if is_on { (kind >> 16) as usize } else { BlockPlace::Written as usize };
            self.pools[place].give(block, (kind & 0xffff) as usize);
        }
    }

    /// # Safety
    /// It is a block that is not freed.
    unsafe fn resize(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe {
            let old = usable(block);
            let is_large = header(block).read() == 0;
            if !is_large && size <= old {
                return block;
            }
            if is_large && size > LARGEST - HEADER {
                return self.large(size, |whole| realloc(block.sub(ALIGN).cast(), whole));
            }
            let new = self.allocate(size);
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, old.min(size));
                self.release(block);
            }
            new
        }
    }
}

impl BlockNumbering {
    /// Where the next block is to lie.
    fn place(&self) -> BlockPlace {
        if self.count >= self.places_length {
            return BlockPlace::Rest;
        }
        // SAFETY: it has so many.
        BlockPlace::of(unsafe { self.places.add(self.count).read() })
    }

    fn note(&mut self, block: *mut u8, size: usize) {
        if self.count < self.record_length {
            // SAFETY: there is room for so many.
            unsafe { self.record.add(self.count).write([block.addr(), size]) };
        }
        self.count += 1;
    }
}

/// Called before [`prepare`](crate::prepared) by what builds: it is to record so many blocks. Gives
/// where.
#[unsafe(export_name = "prepare-record")]
extern "C" fn record(blocks: usize) -> *mut [usize; 2] {
    let numbering = &mut memory().numbering;
    // SAFETY: of pairs of numbers.
    numbering.record = unsafe { calloc(blocks, size_of::<[usize; 2]>()) }.cast();
    numbering.record_length = blocks;
    numbering.record
}

/// Called before [`prepare`](crate::prepared) by what builds: places for so many blocks follow.
/// Gives where they are to be written.
#[unsafe(export_name = "prepare-places")]
extern "C" fn places(blocks: usize) -> *mut u8 {
    let numbering = &mut memory().numbering;
    // SAFETY: of bytes.
    numbering.places = unsafe { calloc(blocks, 1) }.cast();
    numbering.places_length = blocks;
    numbering.places
}

/// Called after [`prepare`](crate::prepared) by what builds: how many blocks were allocated.
#[unsafe(export_name = "prepare-count")]
extern "C" fn count() -> usize {
    memory().numbering.count
}

/// All that is allocated from here on is a user's own.
pub(crate) fn begin_users() {
    let memory = memory();
    for pool in &mut memory.pools {
        pool.forget_freed();
    }
    let numbering = &mut memory.numbering;
    numbering.is_on = false;
    // SAFETY: it has so many, and is used no more.
    unsafe {
        ptr::write_bytes(numbering.places, 0, numbering.places_length);
        free(numbering.places.cast());
    }
    numbering.places = ptr::null_mut();
    numbering.places_length = 0;
    fill_holes();
}

/// More than is free in one piece between large blocks: a block of this size comes after them all.
const LARGEST_HOLE: usize = 1 << 20;

/// Takes what is free between large blocks for good, from large to small: else what is allocated
/// after that would be strewn over all pages, and each user had to have its own of each it writes
/// to. What is taken is zero, and in no file.
fn fill_holes() {
    // SAFETY: of bytes.
    let allocate = |size: usize| unsafe { calloc(1, size) };
    let end = allocate(LARGEST_HOLE);
    assert!(!end.is_null(), "nothing limits the memory where this runs");
    for size in (4..LARGEST_HOLE.ilog2()).rev().map(|bits| 1_usize << bits) {
        loop {
            let hole = allocate(size);
            if hole >= end {
                // SAFETY: it was allocated just now.
                unsafe { free(hole) };
                break;
            }
        }
    }
    // SAFETY: as above.
    unsafe { free(end) };
}

/// Rust's memory.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: blocks are as large as was asked for, aligned to eight bytes, and the libc's where that
// is not enough.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGN {
            // SAFETY: a layout is never zero here.
            return unsafe { aligned_alloc(layout.align(), layout.size()) }.cast();
        }
        memory().allocate(layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: it was allocated above, with this layout.
        unsafe {
            if layout.align() > ALIGN {
                return free(block.cast());
            }
            memory().release(block);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: it was allocated above, with this layout.
        unsafe {
            if layout.align() > ALIGN {
                return realloc(block.cast(), size).cast();
            }
            memory().resize(block, size)
        }
    }
}

/// What QuickJS calls for `malloc` (`include/settings.h`).
#[unsafe(no_mangle)]
extern "C" fn swell_malloc(size: usize) -> *mut u8 {
    memory().allocate(size)
}

/// What QuickJS calls for `calloc`.
#[unsafe(no_mangle)]
extern "C" fn swell_calloc(count: usize, size: usize) -> *mut u8 {
    let Some(size) = count.checked_mul(size) else { return ptr::null_mut() };
    if size > LARGEST - HEADER {
        // What is fresh is zero, and need not be written.
        // SAFETY: of bytes.
        return memory().large(size, |whole| unsafe { calloc(1, whole) });
    }
    let block = memory().allocate(size);
    if !block.is_null() {
        // SAFETY: it is as large.
        unsafe { ptr::write_bytes(block, 0, size) };
    }
    block
}

/// What QuickJS calls for `realloc`.
#[unsafe(no_mangle)]
unsafe extern "C" fn swell_realloc(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        return swell_malloc(size);
    }
    // SAFETY: it was allocated above.
    unsafe { memory().resize(block, size) }
}

/// What QuickJS calls for `free`.
#[unsafe(no_mangle)]
unsafe extern "C" fn swell_free(block: *mut u8) {
    if !block.is_null() {
        // SAFETY: it was allocated above.
        unsafe { memory().release(block) };
    }
}

/// What QuickJS calls for `malloc_usable_size`.
#[unsafe(no_mangle)]
unsafe extern "C" fn swell_usable_size(block: *mut u8) -> usize {
    // SAFETY: it was allocated above.
    if block.is_null() { 0 } else { unsafe { usable(block) } }
}
