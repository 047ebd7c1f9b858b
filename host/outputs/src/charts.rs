//! `--out svg=FILE` and `--out png=FILE`: the course of each run as a picture.
//!
//! Rate and goal, response time, failures by cause, users: all on one axis of time, with what
//! happened meanwhile. A picture needs no browser, no network and no font of the machine: the
//! letters of a PNG are in the host, those of an SVG are whoever's shows it.

mod axis;
mod course;
mod panels;
mod pen;
mod picture;
mod png_file;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use anyhow::{Context as _, anyhow, ensure};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::drawing::IntoDrawingArea as _;
use plotters::style::{FontStyle, register_font};

use self::course::PictureRun;
use self::png_file::png_file;
use crate::aside::Aside;
use crate::queued::{NewsKind, Queued, RunNews, Taker};
use crate::sink::{Flag, Kind, KindValue, Sink};

/// The kind that stays sharp at any size.
pub(crate) const SVG: Kind = Kind {
    name: "svg",
    flag: Flag::Out,
    help: "svg=FILE draws the course of each run, sharp at any size",
    needs_seconds: true,
    value: KindValue::File,
    open: |value, _| open("svg", value, svg),
};

/// The kind that is shown everywhere.
pub(crate) const PNG: Kind = Kind {
    name: "png",
    flag: Flag::Out,
    help: "png=FILE draws it in dots",
    needs_seconds: true,
    value: KindValue::File,
    open: |value, _| open("png", value, png),
};

/// Dots of a PNG for each of the picture: screens have two, and what has one takes the mean.
const DOTS: u32 = 2;

/// The picture of some runs, as bytes.
type Draw = fn(&[PictureRun]) -> anyhow::Result<Vec<u8>>;

struct Charts {
    path: PathBuf,
    aside: Aside,
    runs: Vec<PictureRun>,
    draw: Draw,
}

fn open(kind: &str, value: &str, draw: Draw) -> anyhow::Result<Box<dyn Sink>> {
    ensure!(!value.is_empty(), "--out {kind}=: a file is needed after '='");
    let aside = Aside::open(Path::new(value))
        .with_context(|| format!("--out {kind}={value}: cannot write there"))?;
    let charts = Charts { path: value.into(), aside, runs: Vec::new(), draw };
    Ok(Box::new(Queued::new(kind, charts)?))
}

impl Taker for Charts {
    fn take(&mut self, told: &RunNews, _: &AtomicU64) -> anyhow::Result<()> {
        if let NewsKind::Begun = told.what {
            self.runs.push(PictureRun::new(&told.run));
        }
        let Some(run) = self.runs.iter_mut().rev().find(|run| run.is_of(&told.run)) else {
            return Ok(());
        };
        match &told.what {
            NewsKind::Begun => {}
            NewsKind::Frame(frame) => run.add(frame),
            NewsKind::Mark(mark) => run.mark(mark),
            NewsKind::Over(report) => run.over(report.as_deref()),
        }
        Ok(())
    }

    fn finish(&mut self, written: &AtomicU64) -> anyhow::Result<Vec<String>> {
        if self.runs.is_empty() {
            return Ok(Vec::new());
        }
        let path = self.path.display();
        let picture = (self.draw)(&self.runs).with_context(|| format!("cannot draw {path}"))?;
        self.aside.write(&picture, written).with_context(|| {
            let as_it_was = if self.path.is_file() { "; the file is as it was" } else { "" };
            format!("cannot write the {} bytes of the picture to {path}{as_it_was}", picture.len())
        })?;
        Ok(Vec::new())
    }
}

fn svg(runs: &[PictureRun]) -> anyhow::Result<Vec<u8>> {
    have_letters()?;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, picture::size(runs)).into_drawing_area();
    picture::draw(&area, runs, 1)?;
    area.present()?;
    drop(area);
    Ok(svg.into_bytes())
}

fn png(runs: &[PictureRun]) -> anyhow::Result<Vec<u8>> {
    have_letters()?;
    let (width, height) = picture::size(runs);
    let (width, height) = (width * DOTS, height * DOTS);
    let mut dots = vec![0; width as usize * height as usize * 3];
    let area = BitMapBackend::with_buffer(&mut dots, (width, height)).into_drawing_area();
    picture::draw(&area, runs, DOTS)?;
    area.present()?;
    drop(area);
    png_file(&dots, (width, height)).context("cannot pack the dots")
}

/// Has texts be measured, and drawn in dots: in Noto Sans, which is in the host.
fn have_letters() -> anyhow::Result<()> {
    register_font(pen::FONT, FontStyle::Normal, notosans::REGULAR_TTF)
        .map_err(|_| anyhow!("the font that is in this host cannot be read"))
}

#[cfg(test)]
mod tests;
