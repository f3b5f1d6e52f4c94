//! Reads `ocd.toml` and the user's file. An unknown key is an error that names its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Key;
use crate::exit_status;
use crate::failure::{Failure, Outcome};

/// A value of a file.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) value: String,
    pub(crate) line: usize,
}

/// A file of settings.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// What holds for all boards.
    pub(crate) general: BTreeMap<Key, Entry>,
    pub(crate) boards: BTreeMap<String, BTreeMap<Key, Entry>>,
}

/// The user's file. Serial numbers of probes belong there: they are nobody else's.
pub(crate) fn user_file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "ocd").map(|directories| directories.config_dir().join("ocd.toml"))
}

/// The project's file: the nearest `ocd.toml` in `folder` or above.
pub(crate) fn project_file(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join("ocd.toml")).find(|path| is_there(path))
}

/// Whether there is something with this name, also if it is no file that can be read.
pub(crate) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Refuses what is no file: a folder, or a link that leads nowhere. To read a FIFO would block.
pub(crate) fn check_is_file(path: &Path) -> Outcome<()> {
    let what = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(metadata) if metadata.is_dir() => "it is a folder".to_owned(),
        Ok(_) => "it is no regular file".to_owned(),
        Err(error) if path.is_symlink() => format!("it is a link that leads nowhere: {error}"),
        Err(error) => error.to_string(),
    };
    Err(Failure::new(exit_status::CONFIGURATION, "ocd.file", format!("cannot read {}", path.display())).cause(what))
}

impl File {
    pub(crate) fn read(path: &Path) -> Outcome<File> {
        check_is_file(path)?;
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        File::parse(path, &text).map_err(|problem| {
            let message = format!("{} is wrong", path.display());
            Failure::configuration(message).cause(problem)
        })
    }

    fn parse(path: &Path, text: &str) -> Result<File, String> {
        let table = DeTable::parse(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let reader = Reader { text, folder: path.parent().unwrap_or(path) };
        let mut file = File { path: path.to_path_buf(), general: BTreeMap::new(), boards: BTreeMap::new() };
        for (key, value) in table.get_ref() {
            if key.get_ref() != "boards" {
                let (key, entry) = reader.entry(key.get_ref(), key.span().start, value.get_ref())?;
                file.general.insert(key, entry);
                continue;
            }
            let boards = reader.table(value.get_ref(), key.span().start, "boards")?;
            for (name, value) in boards {
                let keys = reader.table(value.get_ref(), name.span().start, name.get_ref())?;
                let entries =
                    keys.iter().map(|(key, value)| reader.entry(key.get_ref(), key.span().start, value.get_ref()));
                file.boards.insert(name.get_ref().to_string(), entries.collect::<Result<_, _>>()?);
            }
        }
        Ok(file)
    }
}

/// What a value is in a file.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    /// Text is read as on the command line.
    Whole,
    WholeOrText,
    /// A time is "500ms" or a number of seconds.
    NumberOrText,
    Truth,
}

impl Kind {
    fn of(key: Key) -> Kind {
        match key {
            Key::Virtual => Kind::Truth,
            Key::Speed => Kind::Whole,
            Key::Timeout | Key::Wait => Kind::NumberOrText,
            Key::Serial | Key::Expect | Key::StreamPorts => Kind::WholeOrText,
            Key::Connect
            | Key::Config
            | Key::UsbLocation
            | Key::Transport
            | Key::Target
            | Key::Openocd
            | Key::Svd
            | Key::Elf
            | Key::OnExit => Kind::Text,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Text => "a string",
            Kind::Whole => "a whole number",
            Kind::WholeOrText => "a string or a whole number",
            Kind::NumberOrText => "a string or a number",
            Kind::Truth => "true or false",
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// What a path of the file means: an absolute path, or one from the current folder if the name
    /// of the file's own folder is not UTF-8.
    fn path(&self, value: &str) -> Option<String> {
        if let Some(path) = self.folder.join(value).to_str() {
            return Some(path.to_owned());
        }
        let here = std::env::current_dir().ok()?;
        let up: PathBuf = here.strip_prefix(self.folder).ok()?.components().map(|_| "..").collect();
        up.join(value).to_str().map(str::to_owned)
    }

    fn table<'v>(&self, value: &'v DeValue<'_>, at: usize, name: &str) -> Result<&'v DeTable<'v>, String> {
        match value {
            DeValue::Table(table) => Ok(table),
            _ => Err(format!("line {}: {name} must be a table", self.line(at))),
        }
    }

    fn entry(&self, name: &str, at: usize, value: &DeValue<'_>) -> Result<(Key, Entry), String> {
        let line = self.line(at);
        let Some(key) = Key::ALL.into_iter().find(|key| key.name() == name) else {
            let names: Vec<&str> = Key::ALL.iter().map(|key| key.name()).collect();
            return Err(format!("line {line}: unknown key {name:?}; the keys are {} and boards", names.join(", ")));
        };
        let kind = Kind::of(key);
        let value = match (value, kind) {
            (DeValue::String(text), Kind::Text | Kind::WholeOrText | Kind::NumberOrText | Kind::Whole) => {
                text.to_string()
            }
            (DeValue::Integer(number), Kind::Whole | Kind::WholeOrText | Kind::NumberOrText) => number.to_string(),
            (DeValue::Float(number), Kind::NumberOrText) => number.to_string(),
            (DeValue::Boolean(value), Kind::Truth) => value.to_string(),
            _ => return Err(format!("line {line}: {name} must be {}", kind.name())),
        };
        let value = match key.is_path() {
            true => self.path(&value).ok_or_else(|| {
                format!("line {line}: {name} must be an absolute path, as the folder's name is not UTF-8")
            })?,
            false => value,
        };
        Ok((key, Entry { value, line }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, String> {
        File::parse(Path::new("/project/ocd.toml"), text)
    }

    #[test]
    fn a_file_has_general_keys_and_boards() {
        let file = parse("speed = 4000\n[boards.left]\nconfig = \"a.cfg\"\nsvd = \"x.svd\"\n").unwrap();
        assert_eq!(file.general[&Key::Speed].value, "4000");
        assert_eq!(file.boards["left"][&Key::Config].line, 3);
        assert_eq!(file.boards["left"][&Key::Svd].value, Path::new("/project").join("x.svd").to_str().unwrap());
    }

    #[test]
    fn unknown_keys_are_errors_with_their_line() {
        let error = parse("\n\nsped = 4000\n").unwrap_err();
        assert!(error.starts_with("line 3: unknown key \"sped\""), "{error}");
        let error = parse("[boards.left]\nserail = \"1\"\n").unwrap_err();
        assert!(error.starts_with("line 2: unknown key \"serail\""), "{error}");
    }

    #[test]
    fn wrong_kinds_of_values_are_errors_with_their_line() {
        assert!(parse("speed = [1]").unwrap_err().starts_with("line 1: speed must be"));
        assert!(parse("virtual = \"no\"").unwrap_err().starts_with("line 1: virtual must be"));
        assert!(parse("boards = 1").unwrap_err().starts_with("line 1: boards must be"));
        assert!(parse("[boards]\nleft = 1").unwrap_err().starts_with("line 2: left must be"));
        assert!(parse("speed = ").unwrap_err().contains("line 1"));
    }
}
