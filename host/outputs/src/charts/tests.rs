use std::sync::Arc;
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::Event;
use swell_core::RunInstant;
use swell_report::record::{Frame, Mark, MarkKind, RecordHeader};

use super::png_file::tests::read_png;
use super::*;
use crate::outputs::Outputs;
use crate::samples::{EVIL, busy_frame, failed_report, header, results, warm_frame};

/// A run of some seconds, with a warm-up, a goal, failures and marks.
fn course(name: &str) -> PictureRun {
    let mut course = PictureRun::new(&header(name));
    for second in 0..20 {
        let mut frame =
            if second < 3 { warm_frame(second, 90) } else { busy_frame(second, 100 + second) };
        frame.moment.goal_per_second = Some(110.0);
        frame.moment.users = 12;
        course.add(&frame);
    }
    for (second, stretch) in course.stretches.iter_mut().enumerate().skip(10) {
        let causes = ["status 503", EVIL, "timeout", "reset", "said no", "trap"];
        stretch.failures = (3..).zip(causes).map(|(n, cause)| (cause.to_owned(), n)).collect();
        stretch.under_way = second as u64;
    }
    for (seconds, kind) in [(3, MarkKind::WarmUpOver), (10, MarkKind::ThresholdBroken)] {
        let at = RunInstant::START + Duration::from_secs(seconds);
        course.mark(&Mark { at, kind, text: format!("{EVIL} happened") });
    }
    course.over(Some(&failed_report(name)));
    course
}

/// All words of an SVG, which must be well-formed.
fn words(svg: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(svg).unwrap();
    let mut reader = Reader::from_str(text);
    let (mut words, mut open) = (Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return words,
            Event::Start(start) if start.name().as_ref() == "text" => open.clear(),
            Event::Text(text) => open.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => open.push_str(match &*reference {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                "quot" => "\"",
                other => panic!("&{other};"),
            }),
            Event::End(end) if end.name().as_ref() == "text" => words.push(open.trim().to_owned()),
            _ => {}
        }
    }
}

#[test]
fn a_picture_tells_what_the_run_was_what_it_did_and_what_happened() {
    let words = words(&svg(&[course("shop")]).unwrap());
    for expected in [
        "shop",
        "failed, exit code 99 · figures VALID",
        "closed model, 1 user, 10.0 s measured",
        "Transactions a second",
        "goal",
        "Response time, on a logarithmic axis",
        "service p95",
        "100 ms",
        "Failures a second, by cause",
        "others",
        "transactions under way",
        "20 s",
        "1",
        "2",
    ] {
        assert!(words.iter().any(|told| told == expected), "no {expected:?} in {words:?}");
    }
    let happened = words.iter().filter(|told| told.ends_with("happened")).count();
    assert_eq!(happened, 2, "{words:?}");
}

#[test]
fn nobody_elses_words_are_markup_or_break_the_file() {
    let svg = svg(&[course(EVIL)]).unwrap();
    let words = words(&svg);
    assert!(words.iter().any(|told| told.starts_with("a\\u{1b}[2J\\n</testcase>\"&")), "{words:?}");
    assert!(!svg.contains(&0x1b));
}

#[test]
fn a_png_has_the_size_of_the_picture_and_more_than_paper() {
    let runs = [course("shop"), course("pay")];
    let file = png(&runs).unwrap();
    let (file_width, file_height, dots) = read_png(&file);
    let (width, height) = picture::size(&runs);
    assert_eq!((file_width, file_height), (width * DOTS, height * DOTS));
    for colour in [[0x1f, 0x63, 0xc6], [0xc6, 0x5a, 0x00], [0xe5, 0x9a, 0x1c], [0xb3, 0x26, 0x1e]] {
        assert!(dots.chunks(3).filter(|dot| *dot == colour).count() > 50, "{colour:x?}");
    }
}

#[test]
fn a_run_in_which_nothing_happened_is_a_picture_too() {
    let mut empty = PictureRun::new(&header("shop"));
    let told = |run: PictureRun| words(&svg(&[run]).unwrap());
    empty.add(&busy_frame(0, 0));
    let words = told(empty);
    for expected in ["nothing failed", "too few transactions to tell", "no end in this record"] {
        assert!(words.iter().any(|told| told == expected), "no {expected:?} in {words:?}");
    }
    assert!(told(PictureRun::new(&header("shop"))).contains(&"shop".to_owned()), "not one second");
}

#[test]
fn marks_that_are_near_each_other_share_a_number_and_of_many_the_first_are_told() {
    let mut run = course("shop");
    let template = run.marks[0].clone();
    run.marks = (0..15)
        .map(|number| Mark {
            at: RunInstant::START + Duration::from_millis(1_000 + number),
            ..template.clone()
        })
        .collect();
    let words = words(&svg(&[run]).unwrap());
    assert!(words.contains(&"1–15".to_owned()), "{words:?}");
    assert!(words.contains(&"and 3 more, which --out html=FILE shows".to_owned()), "{words:?}");
}

#[test]
fn the_picture_is_written_once_the_runs_are_over_and_a_full_disk_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let tell = |wanted: &[(&str, String)]| {
        let wanted: Vec<(String, String)> =
            wanted.iter().map(|(kind, path)| ((*kind).to_owned(), path.clone())).collect();
        let (outputs, run): (_, Arc<RecordHeader>) =
            (Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap(), header("shop"));
        outputs.begin(&run);
        let frames: Vec<Frame> = (0..5).map(|second| busy_frame(second, 50)).collect();
        frames.into_iter().for_each(|frame| outputs.frame(&run, &Arc::new(frame)));
        outputs.over(&run, None);
        outputs.end(&results(), &AtomicU64::new(0))
    };
    tell(&[("svg", path("o.svg")), ("png", path("o.png"))]).unwrap();
    assert!(std::fs::read_to_string(path("o.svg")).unwrap().starts_with("<svg "));
    assert!(std::fs::read(path("o.png")).unwrap().starts_with(b"\x89PNG"));
    let error = tell(&[("png", "/dev/full".to_owned())]).unwrap_err();
    assert!(format!("{error:#}").contains("bytes of the picture to /dev/full"), "{error:#}");
}
