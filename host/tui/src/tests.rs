use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use swell_core::RunInstant;
use swell_report::RunState;
use swell_report::record::{Frame, Mark};

use super::*;
use crate::samples::{EVIL, at, busy_frame, header, hostile, quiet_frame, shop};

/// Terminals on which it is looked at.
const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

fn cells(view: &mut Dashboard, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|canvas| view.draw(Duration::ZERO, canvas)).unwrap();
    terminal.backend().buffer().clone()
}

/// The screen as lines of text; a character of two columns has its second one.
fn text(view: &mut Dashboard, (columns, rows): (u16, u16)) -> String {
    let buffer = cells(view, columns, rows);
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(columns)) {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            line.push_str(cell.symbol());
            covered = columns_of(cell.symbol()).saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn columns_of(symbol: &str) -> usize {
    swell_report::Piece::from(symbol).columns()
}

fn followed(view: &mut Dashboard, name: &str, seconds: u64, of: fn(u64) -> (Frame, Option<Mark>)) {
    let header = header(name);
    view.handle_begin(&header);
    for second in 0..seconds {
        let (frame, mark) = of(second);
        view.handle_frame(&header.run.id, &frame);
        if let Some(mark) = mark {
            view.handle_mark(&header.run.id, &mark);
        }
    }
}

fn live(seconds: u64) -> Dashboard {
    let mut view = Dashboard::new(ViewKind::Live, true);
    followed(&mut view, "shop", seconds, shop);
    view.handle_line("2026-11-18T11:06:40.123456Z  INFO the basket is \u{1b}[2J full\n");
    view.handle_line("warning: `teardown` of scenario \"shop\" failed\n");
    view
}

fn press(view: &mut Dashboard, keys: &[Key]) -> Vec<Option<KeyRequest>> {
    keys.iter().map(|key| view.handle_key(Duration::ZERO, *key)).collect()
}

#[test]
fn a_shop_that_is_asked_too_much_at_each_size() {
    let mut view = live(60);
    for size in SIZES {
        insta::assert_snapshot!(format!("shop_{}x{}", size.0, size.1), text(&mut view, size));
    }
}

#[test]
fn names_that_want_to_do_harm_at_each_size() {
    let mut view = Dashboard::new(ViewKind::Live, true);
    followed(&mut view, EVIL[0], 60, hostile);
    view.handle_line(EVIL[0]);
    for size in SIZES {
        let text = text(&mut view, size);
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert_eq!(text.chars().filter(|c| acts(*c)).count(), 0, "{text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("FORGED")), "{text}");
        insta::assert_snapshot!(format!("hostile_{}x{}", size.0, size.1), text);
    }
}

#[test]
fn a_record_the_help_and_a_screen_without_colours() {
    let playback = Playback::new(Duration::ZERO, at(60), at(120), 10.0);
    let mut view = Dashboard::new(ViewKind::Replay(playback), false);
    insta::assert_snapshot!("nothing_80x24", text(&mut view, (80, 24)));
    followed(&mut view, "shop", 60, shop);
    insta::assert_snapshot!("replay_120x40", text(&mut view, (120, 40)));
    assert!(
        cells(&mut view, 120, 40).content().iter().all(|cell| cell.fg == Color::Reset),
        "nothing is coloured where no colours are wanted"
    );
    press(&mut view, &[Key::Char('?')]);
    insta::assert_snapshot!("help_80x24", text(&mut view, (80, 24)));
}

#[test]
fn every_size_of_a_terminal_can_be_drawn_and_a_small_one_says_that_it_is() {
    let mut view = live(60);
    for columns in (1..=260).step_by(7) {
        for rows in [1, 3, 17, 18, 20, 33, 70] {
            let text = text(&mut view, (columns, rows));
            let is_small = columns < 50 || rows < 18;
            assert_eq!(text.contains("transactions/s"), !is_small, "{columns}x{rows}\n{text}");
        }
    }
    assert!(text(&mut view, (20, 24)).starts_with("too small: the view"));
}

#[test]
fn what_is_shown_of_a_window_is_what_was_counted_in_it() {
    let mut view = live(60);
    let whole = |view: &mut Dashboard| {
        cells(view, 80, 24);
        let shown = view.drawn().run.unwrap().0.reckoned.counted.clone();
        (shown.figures.total.counts.started, shown.seconds.round() as u64)
    };
    let started =
        |seconds: std::ops::Range<u64>| seconds.map(|second| 60 + second % 41).sum::<u64>();
    assert_eq!(whole(&mut view), (started(10..60), 50));
    press(&mut view, &[Key::Char('w'), Key::Char('w'), Key::Char('w')]);
    assert_eq!(whole(&mut view), (started(50..60), 10));
}

#[test]
fn keys_ask_for_what_the_control_api_can_do_and_stop_asks_first() {
    let mut view = live(60);
    let shop = || "shop".to_owned();
    assert_eq!(
        press(&mut view, &[Key::Char('p'), Key::Char('r'), Key::Char('+'), Key::Char('+')]),
        [
            Some(KeyRequest::Pause(shop(), true)),
            Some(KeyRequest::Pause(shop(), false)),
            Some(KeyRequest::Goal(shop(), 110.0)),
            // The run has not told yet that it has the other one.
            Some(KeyRequest::Goal(shop(), 121.0)),
        ]
    );
    assert_eq!(press(&mut view, &[Key::Char('s'), Key::Char('n')]), [None, None]);
    press(&mut view, &[Key::Char('s')]);
    assert!(text(&mut view, (80, 24)).contains("stop shop? y stops it, any other key does not"));
    assert_eq!(press(&mut view, &[Key::Char('y')]), [Some(KeyRequest::Stop(shop()))]);
    assert_eq!(press(&mut view, &[Key::Char('q')]), [Some(KeyRequest::Close)]);
}

#[test]
fn a_run_that_is_over_obeys_no_key_and_says_so() {
    let mut view = live(20);
    view.handle_over("id of shop", None);
    assert!(text(&mut view, (80, 24)).contains("broke off"));
    assert_eq!(press(&mut view, &[Key::Char('p'), Key::Char('s')]), [None, None]);
    assert!(text(&mut view, (80, 24)).contains("no run that goes on is shown"));
    assert_eq!(press(&mut view, &[Key::Char('y')]), [None]);
}

#[test]
fn a_closed_model_has_no_goal_to_change_and_says_so() {
    let mut view = Dashboard::new(ViewKind::Live, true);
    let mut header = (*header("shop")).clone();
    header.run.asked_per_second = None;
    view.handle_begin(&std::sync::Arc::new(header));
    view.handle_frame("id of shop", &quiet_frame(0));
    assert_eq!(press(&mut view, &[Key::Char('+')]), [None]);
    assert!(text(&mut view, (80, 24)).contains("has no goal"));
    view.tell("a search chooses its own rates".to_owned());
    assert!(text(&mut view, (80, 24)).contains("a search chooses its own rates"));
}

#[test]
fn tab_goes_through_the_runs_and_a_new_one_is_shown_where_the_other_is_over() {
    let mut view = live(20);
    followed(&mut view, "pay", 20, shop);
    assert!(text(&mut view, (120, 40)).contains("run 1 of 2"));
    press(&mut view, &[Key::Tab]);
    assert!(text(&mut view, (120, 40)).starts_with("pay "));
    press(&mut view, &[Key::Tab]);
    view.handle_over("id of shop", None);
    followed(&mut view, "search", 5, shop);
    assert!(text(&mut view, (120, 40)).starts_with("search "));
}

#[test]
fn a_service_that_hangs_looks_like_one_that_hangs() {
    let mut view = live(20);
    for second in 20..27 {
        let mut frame = quiet_frame(second);
        frame.moment.under_way = 40;
        view.handle_frame("id of shop", &frame);
    }
    assert!(text(&mut view, (80, 24)).contains("nothing completed for 7 s"));
    let mut paused = quiet_frame(27);
    (paused.moment.phase, paused.moment.under_way) = (RunState::Paused, 40);
    view.handle_frame("id of shop", &paused);
    assert!(!text(&mut view, (80, 24)).contains("nothing completed"));
}

#[test]
fn many_transactions_are_sorted_and_scrolled() {
    let mut view = Dashboard::new(ViewKind::Live, true);
    view.handle_begin(&header("shop"));
    for second in 0..3 {
        let mut frame = busy_frame(second, 0);
        frame.counted = crate::samples::counted_of_names(second, 30);
        view.handle_frame("id of shop", &frame);
    }
    assert!(text(&mut view, (120, 40)).contains("the run's order, 1 to"));
    press(&mut view, &[Key::PageDown, Key::PageDown, Key::PageDown, Key::PageDown]);
    let scrolled = text(&mut view, (120, 40));
    assert!(scrolled.contains("name 29") && !scrolled.contains("name 0 "), "{scrolled}");
    press(&mut view, &[Key::Char('o'), Key::Char('o'), Key::Char('o')]);
    let sorted = text(&mut view, (120, 40));
    assert!(sorted.contains("most failures first"), "{sorted}");
    // Below the title and the names of the columns.
    let first = sorted.lines().skip_while(|line| !line.contains("most failures first")).nth(2);
    assert!(first.is_some_and(|line| line.starts_with("name 7 ")), "{sorted}");
}

#[test]
fn what_was_forgotten_begins_anew() {
    let mut view = live(20);
    view.forget();
    assert!(view.drawn().run.is_none() && view.drawn().happened.is_empty());
    followed(&mut view, "shop", 1, |_| (quiet_frame(0), None));
    assert_eq!(view.drawn().run.unwrap().0.until(), RunInstant::from_nanos(1_000_000_000));
}

#[test]
fn where_there_is_room_for_one_list_it_is_failures_or_control_until_somebody_chooses() {
    let mut view = live(60);
    let of_narrow = |view: &mut Dashboard| {
        let text = text(view, (80, 24));
        ["failures ", "control ", "marks and log "].map(|title| text.contains(title))
    };
    assert_eq!(of_narrow(&mut view), [true, false, false]);
    let mut quiet = Dashboard::new(ViewKind::Live, true);
    followed(&mut quiet, "shop", 3, |second| (quiet_frame(second), None));
    assert_eq!(of_narrow(&mut quiet), [false, true, false]);
    let mut chosen = || {
        press(&mut view, &[Key::Char('v')]);
        of_narrow(&mut view)
    };
    assert_eq!(chosen(), [false, false, true]);
    assert_eq!(chosen(), [false, true, false]);
    assert_eq!(chosen(), [true, false, false]);
}
