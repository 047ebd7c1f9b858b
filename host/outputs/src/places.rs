//! Places to which the outputs of a command write: no two of them are one, and none is what the
//! command reads. Two that were would write over each other, and the first of them cut what is
//! still being read.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use url::Url;

use crate::aside::{end_of_links, folder_of};
use crate::document::STDOUT;
use crate::sink::{Flag, Kind, KindValue};
use crate::to::receiver_url::flag as to_flag;

/// What an output writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OutputPlace {
    /// Something that is there, by its device and its number there.
    There(u64, u64),
    /// A file that is not there yet.
    New(PathBuf),
    /// What takes whatever is written to it, as a terminal or `/dev/null`.
    Device,
}

/// An output as it was asked for: its kind, and the value.
pub(crate) type AskedOutput<'a> = (&'a Kind, &'a str);

/// Refuses outputs of which one would destroy another, or an input.
///
/// # Errors
/// Two of them write to the same place, or one to where the command reads.
pub(crate) fn keep_apart(asked: &[AskedOutput<'_>], inputs: &[PathBuf]) -> anyhow::Result<()> {
    let read: Vec<OutputPlace> = inputs.iter().map(|path| place(path)).collect();
    let mut taken: Vec<(String, bool, OutputPlace)> = Vec::new();
    let mut receivers: Vec<(&str, String)> = Vec::new();
    for (kind, value) in asked {
        // A receiver without a place has it from a variable.
        let is_of_none = value.is_empty() && kind.value != KindValue::Receiver;
        if kind.value == KindValue::Address || is_of_none {
            continue;
        }
        let flag = match kind.flag {
            Flag::Out => format!("--out {}={value}", kind.name),
            Flag::To => to_flag(kind.name, value),
            Flag::Own => format!("--{} {value}", kind.name),
        };
        if kind.value == KindValue::Receiver {
            let place = (kind.name, receiver(value));
            ensure!(
                !receivers.contains(&place),
                "{flag}: that receiver is named twice, and would count everything twice\nhelp: \
                leave one of them out"
            );
            receivers.push(place);
            continue;
        }
        ensure!(
            *value != "-" || kind.value == KindValue::FileOrStdout,
            "{flag}: this output is a file\nhelp: name one (./- for a file of that name)"
        );
        let is_stdout = STDOUT.contains(value);
        let to = place(Path::new(if is_stdout { "/dev/stdout" } else { *value }));
        let is_same = |other: &OutputPlace| *other != OutputPlace::Device && *other == to;
        ensure!(
            !read.iter().any(is_same),
            "{flag}: this command reads that file, which would be lost\nhelp: name another file"
        );
        for (other, of_stdout, taken) in &taken {
            ensure!(
                !(is_stdout && *of_stdout),
                "{flag}: stdout is taken by {other}\nhelp: name a file for one of them"
            );
            ensure!(
                !is_same(taken),
                "{flag}: that is where {other} writes, and one would destroy the other\nhelp: name \
                another file"
            );
        }
        taken.push((flag, is_stdout, to));
    }
    Ok(())
}

/// Who is meant by a URL, whoever we are there; or by something else, as it stands.
fn receiver(value: &str) -> String {
    let Ok(mut url) = Url::parse(value) else { return value.to_owned() };
    // What has no host has no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// Whether two paths lead to one file, behind all links; a device is as good as two.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let one = place(one);
    one != OutputPlace::Device && one == place(other)
}

/// What a path leads to, behind all links.
fn place(path: &Path) -> OutputPlace {
    match fs::metadata(path) {
        Ok(there) if there.file_type().is_char_device() => OutputPlace::Device,
        Ok(there) => OutputPlace::There(there.dev(), there.ino()),
        Err(_) => OutputPlace::New(new_file(path).unwrap_or_else(|_| path.to_owned())),
    }
}

/// Where a file is to be, by the one name that its folder has.
fn new_file(path: &Path) -> io::Result<PathBuf> {
    let place = end_of_links(path)?;
    let folder = fs::canonicalize(folder_of(&place)?)?;
    Ok(folder.join(place.file_name().ok_or(io::ErrorKind::InvalidInput)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to::{influx, prometheus_file, statsd, webhook};
    use crate::{html, json, jsonl, records};

    /// The words with which it is refused that these write, where one input is read.
    fn refused(asked: &[AskedOutput<'_>], input: &Path) -> Option<String> {
        keep_apart(asked, &[input.to_owned()]).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_read_is_not_written_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("r.swell"), "x").unwrap();
        std::os::unix::fs::symlink("r.swell", path("link")).unwrap();
        fs::hard_link(path("r.swell"), path("hard")).unwrap();
        for name in ["r.swell", "link", "hard", "./r.swell"] {
            let name = path(name).display().to_string();
            let words = refused(&[(&jsonl::KIND, &*name)], &path("r.swell")).expect(&name);
            assert!(words.starts_with(&format!("--out jsonl={name}: this command reads")));
        }
        let other = path("other").display().to_string();
        assert_eq!(refused(&[(&jsonl::KIND, &*other)], &path("r.swell")), None);
    }

    #[test]
    fn no_two_outputs_write_to_one_file_whether_it_is_there_or_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let (one, other) = (folder.path().join("x"), folder.path().join("sub/../x"));
        let (one, other) = (one.display().to_string(), other.display().to_string());
        std::os::unix::fs::symlink("x", folder.path().join("link")).unwrap();
        let link = folder.path().join("link").display().to_string();
        for is_there in [false, true] {
            for (first, second) in [(&json::KIND, &jsonl::KIND), (&json::KIND, &records::KIND)] {
                for name in [&one, &other, &link] {
                    let words =
                        refused(&[(first, &*one), (second, name.as_str())], Path::new("in"));
                    let words = words.unwrap_or_else(|| panic!("{name}, {is_there}"));
                    assert!(words.contains(&format!("where --out json={one} writes")), "{words}");
                }
            }
            fs::write(&one, "x").unwrap();
        }
        let apart = [(&json::KIND, &*one), (&jsonl::KIND, "/dev/null"), (&json::KIND, "/dev/null")];
        assert_eq!(refused(&apart, Path::new("in")), None, "a device keeps nothing");
    }

    #[test]
    fn no_receiver_is_told_twice_and_no_file_for_one_is_another_outputs() {
        let refused = |asked: &[AskedOutput<'_>]| refused(asked, Path::new("in"));
        let one = (&influx::KIND, "http://me:s3cret@h/db");
        let words = refused(&[one, (&influx::KIND, "http://H:80/db")]).unwrap();
        assert!(words.starts_with("--to influx=http://H:80/db: that receiver is named twice"));
        let words = refused(&[(&influx::KIND, "http://h/db"), one]).unwrap();
        assert!(words.starts_with("--to influx=http://not-kept@h/db: "), "{words}");
        assert_eq!(
            refused(&[one, (&influx::KIND, "http://h/other"), (&statsd::KIND, "h:1")]),
            None
        );
        let words = refused(&[(&webhook::KIND, ""), (&webhook::KIND, "")]).unwrap();
        assert!(words.starts_with("--to webhook=: that receiver is named twice"), "{words}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x").display().to_string();
        let words = refused(&[(&json::KIND, &*file), (&prometheus_file::KIND, &*file)]).unwrap();
        assert!(words.contains(&format!("where --out json={file} writes")), "{words}");
    }

    #[test]
    fn stdout_is_for_one_output_by_whatever_name() {
        let words = refused(&[(&jsonl::KIND, "-"), (&json::KIND, "/dev/fd/1")], Path::new("in"));
        assert_eq!(
            words.unwrap(),
            "--out json=/dev/fd/1: stdout is taken by --out jsonl=-\nhelp: name a file for one of \
            them"
        );
        assert_eq!(refused(&[(&json::KIND, "-")], Path::new("in")), None);
        let words = refused(&[(&html::KIND, "-")], Path::new("in")).unwrap();
        assert!(words.starts_with("--out html=-: this output is a file"), "{words}");
    }
}
