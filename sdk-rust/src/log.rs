//! Lines for the person who runs the test: `log::info!("logged in as {user}")`.
//!
//! Control characters are made visible, and at most 100 lines a second are shown for the whole run;
//! the rest are counted.

use std::fmt::Arguments;

use crate::bindings::log;
pub use crate::bindings::log::Level;
#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn,
};

/// Writes one line; the macros of this module are shorter.
pub fn write(level: Level, message: Arguments<'_>) {
    match message.as_str() {
        Some(message) => log::write(level, message),
        None => log::write(level, &message.to_string()),
    }
}

/// Writes a line that matters to the scenario's author alone.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($words:tt)+) => {
        $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($words)+))
    };
}

/// Writes a line that is good to know.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($words:tt)+) => {
        $crate::log::write($crate::log::Level::Info, ::core::format_args!($($words)+))
    };
}

/// Writes a line about something that should not be so.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($words:tt)+) => {
        $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($words)+))
    };
}

/// Writes a line about something that went wrong.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($words:tt)+) => {
        $crate::log::write($crate::log::Level::Error, ::core::format_args!($($words)+))
    };
}
