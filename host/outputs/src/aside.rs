//! A file that is replaced whole or not at all: what is new is written beside it, and takes its
//! name once it is safe on the disk.
//!
//! A disk that is full, or a process that dies, then leaves the old file as it was. What is no
//! ordinary file, as a pipe or a device, is written to directly; so is one that cannot be replaced,
//! as a container's mounted file: its disk is asked for the room first. What comes piece by piece,
//! and may be too long for the memory, is written by an [`AsideWriter`].

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek as _, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// Bytes that are written at a time where somebody may read slowly.
const PIECE: usize = 4 << 10;
/// Bytes of a file's name that the one beside it begins with: a name has 255 at most.
const MOST_OF_NAME: usize = 200;

/// See the module's documentation.
#[derive(Debug)]
pub enum Aside {
    /// A file, or where one is to be; behind a link the file that it leads to.
    File(PathBuf),
    /// The same, for its owner's eyes alone.
    Private(PathBuf),
    /// A pipe, a device: open.
    Stream(File),
}

impl Aside {
    /// Looks whether the file can be written, and leaves it as it is.
    ///
    /// # Errors
    /// It cannot.
    pub fn open(path: &Path) -> io::Result<Self> {
        let place = match fs::metadata(path) {
            Ok(known) if known.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(known) if !known.is_file() || is_of_the_kernel(path) => {
                return File::options().append(true).open(path).map(Self::Stream);
            }
            Ok(_) => {
                let place = fs::canonicalize(path)?;
                File::options().append(true).open(&place)?;
                // Where none can be made beside it, it is written in place.
                return Ok(Self::File(place));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => end_of_links(path)?,
            Err(error) => return Err(error),
        };
        beside(&place, None, Readers::AsBefore)?;
        Ok(Self::File(place))
    }

    /// The same, which nobody but its owner can read once it is written, whoever could before. A
    /// file that cannot be replaced keeps its rights, and so does what is no file.
    #[must_use]
    pub fn for_owner_alone(self) -> Self {
        match self {
            Self::File(place) => Self::Private(place),
            other => other,
        }
    }

    /// Its content becomes `content`; `written` counts the bytes as they are taken.
    ///
    /// # Errors
    /// It cannot be written. A file is then as it was.
    pub fn write(&self, content: &[u8], written: &AtomicU64) -> io::Result<()> {
        match self {
            Self::File(place) => replace(place, content, Readers::AsBefore),
            Self::Private(place) => replace(place, content, Readers::Owner),
            Self::Stream(stream) => content.chunks(PIECE).try_for_each(|piece| {
                (&mut &*stream).write_all(piece)?;
                written.fetch_add(piece.len() as u64, Ordering::Relaxed);
                Ok(())
            }),
        }
    }
}

/// Content that comes in pieces. A file has it once all is there; a pipe or a device at once.
#[derive(Debug)]
pub(crate) struct AsideWriter(WrittenTo);

#[derive(Debug)]
enum WrittenTo {
    /// Beside the file whose name it takes.
    Beside(NamedTempFile, PathBuf),
    /// Somewhere else, as nothing can be made beside that file.
    Elsewhere(File, PathBuf),
    Stream(File),
}

impl Aside {
    /// Begins new content; the file is as it was until that is finished.
    ///
    /// # Errors
    /// It cannot be written anywhere.
    pub(crate) fn begin(&self) -> io::Result<AsideWriter> {
        let (place, readers) = match self {
            Self::File(place) => (place, Readers::AsBefore),
            Self::Private(place) => (place, Readers::Owner),
            Self::Stream(stream) => return Ok(AsideWriter(WrittenTo::Stream(stream.try_clone()?))),
        };
        let known = fs::metadata(place).ok();
        Ok(AsideWriter(match beside(place, known.as_ref(), readers) {
            Ok(new) => WrittenTo::Beside(new, place.clone()),
            Err(error) if known.is_some() && cannot_be_replaced(&error) => {
                WrittenTo::Elsewhere(tempfile::tempfile()?, place.clone())
            }
            Err(error) => return Err(error),
        }))
    }
}

impl AsideWriter {
    /// Nothing follows: the file has all of it.
    ///
    /// # Errors
    /// It cannot be written. The file is then as it was.
    pub(crate) fn finish(self) -> io::Result<()> {
        let (mut content, place) = match self.0 {
            WrittenTo::Stream(_) => return Ok(()),
            WrittenTo::Elsewhere(content, place) => (content, place),
            WrittenTo::Beside(new, place) => {
                new.as_file().sync_all()?;
                match new.persist(&place) {
                    Ok(_) => {
                        make_name_safe(&place);
                        return Ok(());
                    }
                    Err(error) if cannot_be_replaced(&error.error) => (error.file.reopen()?, place),
                    Err(error) => return Err(error.error),
                }
            }
        };
        content.rewind()?;
        let length = content.metadata()?.len();
        write_in_place(&place, content, length)
    }

    fn file(&mut self) -> &mut File {
        match &mut self.0 {
            WrittenTo::Beside(new, _) => new.as_file_mut(),
            WrittenTo::Elsewhere(file, _) | WrittenTo::Stream(file) => file,
        }
    }
}

impl Write for AsideWriter {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.file().write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// Who can read a file that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    /// Who could read what was there; of a new one whoever the umask says.
    AsBefore,
    Owner,
}

/// A file's content becomes `content`, or it stays as it was.
///
/// # Errors
/// It cannot be written.
fn replace(place: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let known = fs::metadata(place).ok();
    let written = beside(place, known.as_ref(), readers).and_then(|mut new| {
        new.write_all(content)?;
        new.as_file().sync_all()?;
        new.persist(place).map_err(|error| error.error)?;
        Ok(())
    });
    match (written, known) {
        (Err(error), Some(_)) if cannot_be_replaced(&error) => {
            write_in_place(place, content, content.len() as u64)
        }
        (Ok(()), _) => {
            make_name_safe(place);
            Ok(())
        }
        (written, _) => written,
    }
}

/// Has the name be as safe as the content; a disk that cannot promise that has written it all the
/// same.
fn make_name_safe(place: &Path) {
    let _ = folder_of(place).and_then(File::open).and_then(|folder| folder.sync_all());
}

/// A new file beside another, with the rights that it has or those that `readers` says.
fn beside(place: &Path, known: Option<&Metadata>, readers: Readers) -> io::Result<NamedTempFile> {
    let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let name = &name[..name.floor_char_boundary(MOST_OF_NAME)];
    // What the umask leaves of this is what any new file gets.
    let mode = if readers == Readers::Owner { 0o600 } else { 0o666 };
    let new = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".tmp")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder_of(place)?)?;
    if let Some(known) = known {
        // Only root may give a file away.
        let _ = fchown(new.as_file(), Some(known.uid()), Some(known.gid()));
        if readers == Readers::AsBefore {
            new.as_file().set_permissions(known.permissions())?;
        }
    }
    Ok(new)
}

/// The folder in which a file is or is to be.
pub(crate) fn folder_of(place: &Path) -> io::Result<&Path> {
    let folder = place.parent().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(if folder == Path::new("") { Path::new(".") } else { folder })
}

/// A folder where nothing may be made, or a file that is mounted by itself.
fn cannot_be_replaced(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
        || matches!(Errno::from_io_error(error), Some(Errno::BUSY | Errno::XDEV))
}

fn write_in_place(place: &Path, mut content: impl Read, length: u64) -> io::Result<()> {
    let mut file = File::options().write(true).open(place)?;
    let before = file.metadata()?.len();
    match fallocate(&file, FallocateFlags::empty(), 0, length.max(1)) {
        // Not every file system can tell; most can.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(full) => {
            file.set_len(before)?;
            return Err(full.into());
        }
    }
    io::copy(&mut content, &mut file)?;
    file.set_len(length)?;
    file.sync_all()
}

/// Whether what stands there is made as it is read or written.
fn is_of_the_kernel(path: &Path) -> bool {
    // Files in the memory are files.
    path.starts_with("/proc") || path.starts_with("/dev") && !path.starts_with("/dev/shm")
}

/// Where a file is to be: at the end of links, which may lead nowhere yet.
pub(crate) fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&place) else { return Ok(place) };
        place = folder_of(&place)?.join(next);
    }
    Err(io::Error::other("too many links"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn write(place: &Aside, content: &str) -> io::Result<()> {
        place.write(content.as_bytes(), &AtomicU64::new(0))
    }

    #[test]
    fn a_file_is_replaced_with_its_rights_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.json");
        let place = Aside::open(&path).unwrap();
        assert!(names(folder.path()).is_empty(), "looking makes nothing");
        write(&place, "new").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write(&Aside::open(&path).unwrap(), "newer").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(folder.path()), ["o.json"]);
    }

    #[test]
    fn a_file_for_its_owner_alone_is_read_by_nobody_else_whoever_could_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.har");
        let rights = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let place = Aside::open(&path).unwrap().for_owner_alone();
        write(&place, "new").unwrap();
        assert_eq!(rights(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&place, "newer").unwrap();
        assert_eq!((rights(), &*fs::read_to_string(&path).unwrap()), (0o600, "newer"));
    }

    #[test]
    fn a_link_stays_one_and_the_file_behind_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        // First it leads nowhere, then to a file.
        for content in ["one", "two"] {
            write(&Aside::open(&link).unwrap(), content).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }

    #[test]
    fn what_comes_in_pieces_is_in_the_file_once_it_is_finished_and_else_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.csv");
        fs::write(&path, "old").unwrap();
        let place = Aside::open(&path).unwrap();
        let begun = |content: &str| {
            let mut writer = place.begin().unwrap();
            content.as_bytes().chunks(2).for_each(|piece| writer.write_all(piece).unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            writer
        };
        drop(begun("of a command that was stopped"));
        assert_eq!(
            (names(folder.path()), &*fs::read_to_string(&path).unwrap()),
            (vec!["o.csv".to_owned()], "old")
        );
        begun("new").finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn what_comes_in_pieces_is_copied_where_no_file_can_be_made_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.csv");
        fs::write(&path, "longer than what follows").unwrap();
        let mut elsewhere = tempfile::tempfile().unwrap();
        elsewhere.write_all(b"new").unwrap();
        AsideWriter(WrittenTo::Elsewhere(elsewhere, path.clone())).finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_it_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Aside::open(&folder.path().join("none/o.json")).is_err());
        assert!(Aside::open(folder.path()).is_err());
    }

    #[test]
    fn in_place_a_file_becomes_shorter_or_longer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.json");
        fs::write(&path, "in the middle").unwrap();
        for content in ["short", "much longer than it was before"] {
            write_in_place(&path, content.as_bytes(), content.len() as u64).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_file_in_the_memory_is_a_file_and_no_device() {
        assert!(is_of_the_kernel(Path::new("/dev/fd/1")));
        assert!(is_of_the_kernel(Path::new("/proc/self/fd/1")));
        assert!(!is_of_the_kernel(Path::new("/dev/shm/o.json")));
    }

    #[test]
    fn a_name_may_be_as_long_as_names_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ü".repeat(127));
        write(&Aside::open(&path).unwrap(), "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_device_that_is_full_is_told() {
        let full = Aside::open(Path::new("/dev/full")).unwrap();
        assert_eq!(write(&full, "x").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
