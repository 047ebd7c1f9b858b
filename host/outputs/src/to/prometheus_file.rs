//! `--to prometheus-file=FILE`: what a scraper would be served, as a file for the textfile
//! collector of Prometheus' node exporter. Each second it is written aside and renamed, so that
//! nobody reads a half of it. It stays when the runs are over, and says that they are.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::backlog::Joining;
use super::carrier::{Carrier, NotTaken};
use super::receiver_url::flag;
use super::sending::sending;
use super::updates::Updates;
use crate::aside::Aside;
use crate::exporter::{Exporter, RunMetrics};
use crate::queued::{NewsKind, RunNews};
use crate::sink::{Flag, Kind, KindValue, Sink, Stdout};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "prometheus-file",
    flag: Flag::To,
    help: "prometheus-file=FILE writes each second what a scraper would be served, for the \
    textfile collector, which reads names that end with .prom",
    needs_seconds: true,
    value: KindValue::File,
    open,
};

/// Looks whether the file can be written, and leaves it as it is.
fn open(value: &str, _: Stdout) -> anyhow::Result<Box<dyn Sink>> {
    ensure!(!value.is_empty(), "--to prometheus-file=: a file is needed after '='");
    let flag = flag(KIND.name, value);
    // The system's words would have all of it, a password too.
    ensure!(!value.contains("://"), "{flag}: that is a URL, and a file is needed");
    let file =
        Aside::open(Path::new(value)).with_context(|| format!("{flag}: cannot write there"))?;
    if matches!(file, Aside::Stream(_)) {
        bail!("{flag}: that is no ordinary file\nhelp: name another");
    }
    let text = Text { exporter: Exporter::new(None), runs: BTreeMap::new() };
    sending("to-prom-file", flag, Joining::Latest, text, file)
}

/// All that would be served.
struct Text {
    exporter: Arc<Exporter>,
    /// The runs that go on, by their identities.
    runs: BTreeMap<String, RunMetrics>,
}

impl Updates for Text {
    fn update(&mut self, told: &RunNews) -> Option<Vec<u8>> {
        let run = &told.run.run;
        match &told.what {
            NewsKind::Begun => {
                let metrics = RunMetrics::new(&self.exporter, &run.name, &run.scenario);
                self.runs.insert(run.id.clone(), metrics);
            }
            NewsKind::Frame(frame) => self.runs.get_mut(&run.id)?.add(frame),
            NewsKind::Mark(_) => return None,
            NewsKind::Over(_) => self.runs.remove(&run.id)?.over(),
        }
        Some(self.exporter.render().into_bytes())
    }
}

impl Carrier for Aside {
    fn bring(&mut self, bytes: &[u8], _: Duration) -> Result<(), NotTaken> {
        self.write(bytes, &AtomicU64::new(0)).map_err(|error| NotTaken::Yet(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{busy_frame, header, results};

    #[test]
    fn a_file_has_at_each_second_all_that_was_counted_and_at_the_end_that_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("swell.prom");
        let mut sink = (KIND.open)(&path.display().to_string(), |_| Ok(())).unwrap();
        assert!(!path.exists(), "looking makes nothing");
        let run = header("shop");
        sink.begin(&run);
        for second in 0..2 {
            sink.frame(&run, &Arc::new(busy_frame(second, 10)));
        }
        sink.over(&run, None);
        sink.end(&results(), &AtomicU64::new(0)).unwrap();
        assert_eq!(sink.last_words(), [""; 0]);
        let text = std::fs::read_to_string(&path).unwrap();
        let of_run = "{run=\"shop\",scenario=\"shop\"";
        for line in [
            "# TYPE swell_response_seconds histogram\n".to_owned(),
            format!("swell_requests_total{of_run},outcome=\"ok\"}} 0\n"),
            format!("swell_response_seconds_count{of_run},transaction=\"front page\"}} 20\n"),
            format!("swell_run_active{of_run}}} 0\n"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing lies beside it");
    }

    #[test]
    fn a_file_that_cannot_be_is_refused_before_the_run() {
        for (value, words) in [
            ("/no/such/x.prom", "cannot write"),
            ("/dev/null", "no ordinary"),
            ("", "a file is needed"),
            ("http://u:s3cret@h/x", "that is a URL, and a file is needed"),
        ] {
            let Err(error) = (KIND.open)(value, |_| Ok(())) else { panic!("{value}") };
            assert!(error.to_string().contains(words), "{error}");
            assert!(!format!("{error:#}").contains("s3cret"), "{error:#}");
        }
    }

    #[test]
    fn a_disk_that_fails_may_be_well_again_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/swell.prom");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let mut file = Aside::open(&path).unwrap();
        std::fs::remove_dir(path.parent().unwrap()).unwrap();
        let answer = file.bring(b"x", Duration::ZERO);
        assert!(matches!(answer, Err(NotTaken::Yet(reason)) if reason.contains("No such file")));
    }
}
