//! Bytes that were to be kept, and that flash may hold no more. They may be the only copy.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use openocd::{Image, ImageFormat, Segment};

use crate::failure::Failure;

/// Where the bytes are.
pub(crate) enum Saved {
    File(PathBuf),
    /// No file takes them: the lines of an Intel HEX file, and why.
    Lines(Vec<String>, Vec<String>),
}

/// Saves bytes in the working folder, or else in that for temporary files.
pub(crate) fn save(lost: &[(u64, Vec<u8>)], board: Option<&str>) -> Saved {
    let pieces = lost.iter().map(|(address, data)| Segment { address: *address, data: data.clone() });
    let image = match Image::from_segments(pieces) {
        Ok(image) => image,
        Err(error) => return Saved::Lines(Vec::new(), vec![error.to_string()]),
    };
    let stem = format!("ocd-kept-{}-{}", name_part(board.unwrap_or("board")), std::process::id());
    let mut problems = Vec::new();
    for folder in [PathBuf::new(), std::env::temp_dir()] {
        let path = free(&folder, &stem);
        match image.save(&path, ImageFormat::IntelHex) {
            Ok(()) => return Saved::File(path),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let lines = match image.to_bytes(ImageFormat::IntelHex) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect(),
        Err(error) => {
            problems.push(error.to_string());
            Vec::new()
        }
    };
    Saved::Lines(lines, problems)
}

impl Saved {
    pub(crate) fn tell(self, failure: Failure) -> Failure {
        match self {
            Saved::File(path) => {
                failure.help(format!("the bytes are in {}: write them with ocd flash", path.display()))
            }
            Saved::Lines(lines, problems) => {
                let cause = |failure: Failure, problem| failure.cause(format!("they could not be saved: {problem}"));
                let failure = problems.into_iter().fold(failure, cause);
                lines
                    .into_iter()
                    .fold(failure, Failure::note)
                    .help("the bytes are in the notes, a line of an Intel HEX file each: write them with ocd flash")
            }
        }
    }
}

/// The name of a board as a part of a file's name.
fn name_part(board: &str) -> String {
    board.chars().fold(String::new(), |mut name, character| {
        if character.is_alphanumeric() || "-_.".contains(character) {
            name.push(character);
        } else {
            let _ = write!(name, "%{:02X}", u32::from(character));
        }
        name
    })
}

/// A path in `folder` that no file has yet.
fn free(folder: &Path, stem: &str) -> PathBuf {
    let numbered = |number: u32| folder.join(format!("{stem}-{number}.hex"));
    let first = folder.join(format!("{stem}.hex"));
    let mut all = std::iter::once(first.clone()).chain((2..1000).map(numbered));
    all.find(|path| path.symlink_metadata().is_err()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_board_is_no_path() {
        assert_eq!(name_part("lab/slot 1"), "lab%2Fslot%201");
        assert_eq!(name_part("..\\é%"), "..%5Cé%25");
    }

    #[test]
    fn file_that_exists_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["kept.hex", "kept-2.hex", "kept-3.hex"] {
            assert_eq!(free(folder.path(), "kept"), folder.path().join(name));
            std::fs::write(folder.path().join(name), "").unwrap();
        }
    }
}
