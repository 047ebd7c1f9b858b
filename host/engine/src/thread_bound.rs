//! A value that stays on the thread that made it, where a signature asks for `Send`.
//!
//! A virtual user lives and dies on one worker thread, and everything around it (connections,
//! recorder, dispatcher) is deliberately not `Send`. Wasmtime's host functions must return `Send`
//! futures all the same. This wrapper claims `Send` and checks the claim at every touch: an access
//! from another thread panics, and so does a drop there.

#![allow(unsafe_code)]

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// Its address identifies the thread: cheaper to read than a thread's id.
    static HERE: u8 = const { 0 };
}

fn here() -> usize {
    HERE.with(|byte| std::ptr::from_ref(byte).addr())
}

/// See the module's documentation. Panics when touched by another thread than its maker's.
pub(crate) struct ThreadBound<T> {
    value: std::mem::ManuallyDrop<T>,
    home: usize,
}

// SAFETY: a shared or unique reference to the value is only ever given out on the thread that made
// it, and it is dropped there; `check` enforces both. An address of a thread-local is unique among
// living threads. A thread that starts after the home thread ended could get the same address;
// workers outlive their users, and a user is owned by its worker's task set.
unsafe impl<T> Send for ThreadBound<T> {}
// SAFETY: as above: no reference to the value is given out on another thread.
unsafe impl<T> Sync for ThreadBound<T> {}

impl<T> ThreadBound<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: std::mem::ManuallyDrop::new(value), home: here() }
    }

    #[inline]
    fn check(&self) {
        assert!(self.home == here(), "a virtual user was touched by another thread than its own");
    }
}

impl<T> Deref for ThreadBound<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.check();
        &self.value
    }
}

impl<T> DerefMut for ThreadBound<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.check();
        &mut self.value
    }
}

impl<F: Future> Future for ThreadBound<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.check();
        // SAFETY: the value is never moved out of the wrapper, so pinning the wrapper pins it.
        unsafe { self.map_unchecked_mut(|bound| &mut *bound.value) }.poll(context)
    }
}

impl<T> Drop for ThreadBound<T> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            self.check();
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { std::mem::ManuallyDrop::drop(&mut self.value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_thread_may_carry_it_but_not_touch_it() {
        let bound = ThreadBound::new(7);
        assert_eq!(*bound, 7);
        let result = std::thread::spawn(move || *bound).join();
        assert!(result.is_err());
    }
}
