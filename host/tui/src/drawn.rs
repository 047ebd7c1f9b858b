//! What is drawn: the run that is looked at, how somebody looks at it, and what is told beside it.

use std::time::Duration;

use crate::followed::Followed;
use crate::ink::Ink;
use crate::log::Happenings;
use crate::playback::Playback;

/// All that a screen is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn<'a> {
    pub(crate) kind: &'a ViewKind,
    pub(crate) look: &'a ViewLook,
    pub(crate) happened: &'a Happenings,
    pub(crate) ink: Ink,
    /// The run that is looked at, its place among all, and how many these are.
    pub(crate) run: Option<(&'a Followed, usize, usize)>,
}

/// What the runs are of which a view is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ViewKind {
    /// They go on, and keys have them do things.
    Live,
    /// One is read from its record, and keys lead through it.
    Replay(Playback),
}

/// What somebody looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct ViewLook {
    pub(crate) window: ShownWindow,
    pub(crate) order: RowOrder,
    /// Rows of the table that have gone out above.
    pub(crate) scrolled: usize,
    pub(crate) below: BelowPanel,
    pub(crate) is_help_open: bool,
    /// The run about which is asked whether it is to stop.
    pub(crate) asks_to_stop: Option<String>,
    /// What somebody is to be told at once.
    pub(crate) notice: Option<String>,
}

/// The stretch up to now that figures are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ShownWindow {
    TenSeconds,
    #[default]
    Minute,
    FiveMinutes,
    Whole,
}

impl ShownWindow {
    /// How long it is; nothing where it is the whole run.
    pub(crate) const fn length(self) -> Option<Duration> {
        match self {
            Self::TenSeconds => Some(Duration::from_secs(10)),
            Self::Minute => Some(Duration::from_secs(60)),
            Self::FiveMinutes => Some(Duration::from_secs(300)),
            Self::Whole => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TenSeconds => "last 10 s",
            Self::Minute => "last 1 min",
            Self::FiveMinutes => "last 5 min",
            Self::Whole => "whole run",
        }
    }

    pub(crate) const fn next(self) -> Self {
        match self {
            Self::TenSeconds => Self::Minute,
            Self::Minute => Self::FiveMinutes,
            Self::FiveMinutes => Self::Whole,
            Self::Whole => Self::TenSeconds,
        }
    }
}

/// The order of the transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// As the run first met their names.
    #[default]
    Met,
    Name,
    Rate,
    Failed,
    Slowest,
}

impl RowOrder {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Met => "the run's order",
            Self::Name => "by name",
            Self::Rate => "most often first",
            Self::Failed => "most failures first",
            Self::Slowest => "slowest first",
        }
    }

    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Met => Self::Name,
            Self::Name => Self::Rate,
            Self::Rate => Self::Failed,
            Self::Failed => Self::Slowest,
            Self::Slowest => Self::Met,
        }
    }
}

/// What stands below, where there is room for one alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BelowPanel {
    /// Failures, or without any what control does.
    #[default]
    WhatThereIs,
    Happenings,
    Control,
    Failures,
}

impl BelowPanel {
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::WhatThereIs => Self::Happenings,
            Self::Happenings => Self::Control,
            Self::Control => Self::Failures,
            Self::Failures => Self::WhatThereIs,
        }
    }
}
