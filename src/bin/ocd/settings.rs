//! Where a board comes from: options, the environment, the user's file, the project's `ocd.toml`,
//! and an `openocd.cfg` in the folder, in this order.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::{Serialize, Serializer};

use crate::failure::{Failure, Outcome};
pub(crate) use file::File;

/// A setting: its name in files, which is also its option's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Connect,
    Config,
    Virtual,
    Serial,
    UsbLocation,
    Speed,
    Transport,
    Target,
    Openocd,
    Timeout,
    Wait,
    Svd,
    Elf,
    OnExit,
    Expect,
    StreamPorts,
}

impl Key {
    pub(crate) const ALL: [Key; 16] = [
        Key::Connect,
        Key::Config,
        Key::Virtual,
        Key::Serial,
        Key::UsbLocation,
        Key::Speed,
        Key::Transport,
        Key::Target,
        Key::Openocd,
        Key::Timeout,
        Key::Wait,
        Key::Svd,
        Key::Elf,
        Key::OnExit,
        Key::Expect,
        Key::StreamPorts,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Key::Connect => "connect",
            Key::Config => "config",
            Key::Virtual => "virtual",
            Key::Serial => "serial",
            Key::UsbLocation => "usb-location",
            Key::Speed => "speed",
            Key::Transport => "transport",
            Key::Target => "target",
            Key::Openocd => "openocd",
            Key::Timeout => "timeout",
            Key::Wait => "wait",
            Key::Svd => "svd",
            Key::Elf => "elf",
            Key::OnExit => "on-exit",
            Key::Expect => "expect",
            Key::StreamPorts => "stream-ports",
        }
    }

    /// How the option is called among clap's arguments.
    pub(crate) fn id(self) -> String {
        match self {
            Key::Virtual => "virtual_chip".to_owned(),
            key => key.name().replace('-', "_"),
        }
    }

    /// Whether a relative path in a file means a path from that file's folder.
    fn is_path(self) -> bool {
        matches!(self, Key::Svd | Key::Elf)
    }

    /// Of these only the most specific one counts: they all say which OpenOCD is meant.
    pub(crate) fn is_source(self) -> bool {
        matches!(self, Key::Connect | Key::Config | Key::Virtual)
    }
}

/// Where a value came from. The order is the order of precedence, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Option,
    Environment(String),
    UserFile { path: PathBuf, line: usize },
    ProjectFile { path: PathBuf, line: usize },
    Found(PathBuf),
}

impl Origin {
    /// Its place in the order of precedence.
    fn rank(&self) -> u8 {
        match self {
            Origin::Option => 0,
            Origin::Environment(_) => 1,
            Origin::UserFile { .. } => 2,
            Origin::ProjectFile { .. } => 3,
            Origin::Found(_) => 4,
        }
    }
}

impl Origin {
    /// Where the key was set, as it was typed: `--timeout`, `OCD_TIMEOUT`, `ocd.toml, line 3`.
    pub(crate) fn place(&self, key: Key) -> String {
        match self {
            Origin::Option => format!("--{}", key.name()),
            Origin::Environment(name) => name.clone(),
            file => file.to_string(),
        }
    }

    /// The key as it was typed there: `--timeout`, `OCD_TIMEOUT`, `timeout (ocd.toml, line 3)`.
    pub(crate) fn of(&self, key: Key) -> String {
        match self {
            Origin::Option | Origin::Environment(_) => self.place(key),
            file => format!("{} ({file})", key.name()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Option => f.write_str("option"),
            Origin::Environment(name) => write!(f, "environment variable {name}"),
            Origin::UserFile { path, line } | Origin::ProjectFile { path, line } => {
                write!(f, "{}, line {line}", path.display())
            }
            Origin::Found(path) => write!(f, "found in {}", path.display()),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Setting {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// All that is set for one board.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// The board's name in the files, if it was chosen by name.
    pub(crate) board: Option<String>,
    values: BTreeMap<Key, Setting>,
    /// Where OpenOCD looks for files besides its own folders.
    pub(crate) search_dirs: Vec<PathBuf>,
}

impl Settings {
    pub(crate) fn get(&self, key: Key) -> Option<&Setting> {
        self.values.get(&key)
    }

    pub(crate) fn value(&self, key: Key) -> Option<&str> {
        self.get(key).map(|setting| setting.value.as_str())
    }

    /// The value, as `parse` reads it. An error names the key and its origin.
    pub(crate) fn parsed<T>(&self, key: Key, parse: impl FnOnce(&str) -> Result<T, String>) -> Outcome<Option<T>> {
        let Some(setting) = self.get(key) else { return Ok(None) };
        let wrong = |problem: String| {
            let message = format!("{}: {problem}", setting.origin.of(key));
            match setting.origin {
                Origin::Option => Failure::usage(message),
                _ => Failure::configuration(message),
            }
        };
        parse(&setting.value).map(Some).map_err(wrong)
    }

    #[cfg(feature = "virtual")]
    pub(crate) fn forget(&mut self, key: Key) {
        self.values.remove(&key);
    }

    /// Takes a value from the command line that is no option there.
    pub(crate) fn set_option(&mut self, key: Key, value: &str) {
        self.values.insert(key, Setting { value: value.to_owned(), origin: Origin::Option });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Setting)> {
        self.values.iter().map(|(key, setting)| (*key, setting))
    }

    /// Whether something says which OpenOCD is meant. An `openocd.cfg` that was found is weaker than
    /// the boards of a file.
    fn has_own_source(&self) -> bool {
        self.iter().any(|(key, setting)| key.is_source() && !matches!(setting.origin, Origin::Found(_)))
    }

    /// Takes over what is not set yet, or set by a weaker origin.
    fn take(&mut self, key: Key, setting: Setting) {
        match self.values.get(&key) {
            Some(present) if present.origin.rank() <= setting.origin.rank() => {}
            _ => {
                self.values.insert(key, setting);
            }
        }
    }

    /// Leaves one way to an OpenOCD: the one with the strongest origin.
    fn decide_source(&mut self) -> Outcome<()> {
        let rank = |settings: &Self, key| settings.get(key).map(|setting| setting.origin.rank());
        let sources: Vec<Key> =
            Key::ALL.into_iter().filter(|key| key.is_source() && self.get(*key).is_some()).collect();
        let Some(best) = sources.iter().filter_map(|key| rank(self, *key)).min() else { return Ok(()) };
        let strongest: Vec<Key> = sources.iter().copied().filter(|key| rank(self, *key) == Some(best)).collect();
        if let [one, other, ..] = strongest[..] {
            let [one, other] = [one, other].map(|key| self.values[&key].origin.of(key));
            let message = format!("{one} and {other} exclude each other");
            return Err(if best == 0 { Failure::usage(message) } else { Failure::configuration(message) });
        }
        self.values.retain(|key, _| !key.is_source() || strongest.contains(key));
        Ok(())
    }
}

/// What was asked for and what the files say, before a board is chosen.
pub(crate) struct Sources {
    given: Settings,
    user: Option<File>,
    project: Option<File>,
    found: Option<PathBuf>,
    /// What counts only if it is typed.
    typed_only: Option<Key>,
}

impl Sources {
    /// Collects the options, the environment and the files.
    pub(crate) fn collect(matches: &ArgMatches) -> Outcome<Sources> {
        let mut given = Settings::default();
        for key in Key::ALL {
            let id = key.id();
            let Ok(Some(source)) = matches.try_contains_id(&id).map(|_| matches.value_source(&id)) else { continue };
            let value = match key {
                Key::Virtual => matches.get_flag(&id).then(|| "true".to_owned()),
                _ => matches.get_one::<String>(&id).cloned(),
            };
            let origin = match source {
                ValueSource::CommandLine => Origin::Option,
                ValueSource::EnvVariable => {
                    Origin::Environment(format!("OCD_{}", key.name().replace('-', "_").to_uppercase()))
                }
                _ => continue,
            };
            // A variable that is empty is as good as none.
            if let Some(value) = value.filter(|value| !value.is_empty() || origin == Origin::Option) {
                given.take(key, Setting { value, origin });
            }
        }
        let user = file::user_file().filter(|path| file::is_there(path)).map(|path| File::read(&path)).transpose()?;
        let here = std::env::current_dir().unwrap_or_default();
        let project = file::project_file(&here).map(|path| File::read(&path)).transpose()?;
        let found = Some(here.join("openocd.cfg")).filter(|path| file::is_there(path));
        Ok(Sources { given, user, project, found, typed_only: None })
    }

    /// From now on, this setting of the environment and of files does not count.
    pub(crate) fn only_if_typed(&mut self, key: Key) {
        self.typed_only = Some(key);
    }

    /// The names of all boards.
    pub(crate) fn board_names(&self) -> BTreeSet<String> {
        let files = self.user.iter().chain(&self.project);
        // A board that only the user's file names has a serial number, but may lack all the rest.
        files.flat_map(|file| file.boards.keys().cloned()).collect()
    }

    /// The files that were read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.user.iter().chain(&self.project).map(|file| file.path.as_path())
    }

    /// The settings of a board, or those that hold without a name. If nothing says which OpenOCD is
    /// meant and the files have exactly one board, that one is meant.
    pub(crate) fn settings(&self, board: Option<&str>) -> Outcome<Settings> {
        let names = self.board_names();
        if let Some(name) = board {
            if !names.contains(name) {
                let known: Vec<String> = names.into_iter().collect();
                let message = format!("there is no board {name:?}");
                return Err(Failure::configuration(message).help(match known.len() {
                    0 => "name boards in ocd.toml: [boards.NAME] with `config = …`".to_owned(),
                    _ => format!("the boards are {}", known.join(", ")),
                }));
            }
        }
        let settings = self.merged(board)?;
        if board.is_some() || settings.has_own_source() {
            return Ok(settings);
        }
        match names.len() {
            0 => Ok(settings),
            1 => self.merged(names.first().map(String::as_str)),
            _ => {
                let names: Vec<String> = names.into_iter().collect();
                Err(Failure::usage("there are several boards, and none was chosen")
                    .help(format!("choose with --board {}, or --all-boards", names.join(" or --board "))))
            }
        }
    }

    /// Whether one of several boards must be chosen.
    pub(crate) fn is_undecided(&self) -> Outcome<bool> {
        Ok(!self.merged(None)?.has_own_source() && self.board_names().len() > 1)
    }

    fn merged(&self, board: Option<&str>) -> Outcome<Settings> {
        let mut settings = self.given.clone();
        settings.board = board.map(str::to_owned);
        for (file, is_user) in self.user.iter().map(|file| (file, true)).chain(self.project.iter().map(|f| (f, false)))
        {
            let own = board.and_then(|name| file.boards.get(name));
            // A board's own way to an OpenOCD takes the place of all ways at the top of the file, as
            // each of its other settings does of the same one.
            let is_way = |(key, entry): (&Key, &file::Entry)| {
                key.is_source() && !(*key == Key::Virtual && entry.value == "false")
            };
            let has_way = own.is_some_and(|own| own.iter().any(is_way));
            let general = file.general.iter().filter(|(key, _)| !(has_way && key.is_source()));
            for (key, entry) in own.into_iter().flatten().chain(general) {
                let (path, line) = (file.path.clone(), entry.line);
                let origin = if is_user { Origin::UserFile { path, line } } else { Origin::ProjectFile { path, line } };
                settings.take(*key, Setting { value: entry.value.clone(), origin });
            }
            settings.search_dirs.extend(file.path.parent().map(Path::to_path_buf));
        }
        settings.values.retain(|key, setting| self.typed_only != Some(*key) || setting.origin == Origin::Option);
        if settings.value(Key::Virtual) == Some("false") {
            settings.values.remove(&Key::Virtual);
        }
        if let Some(path) = &self.found {
            let origin = Origin::Found(path.parent().unwrap_or(path).to_path_buf());
            // OpenOCD looks the name up in its search directories; in braces it may hold spaces.
            let setting = Setting { value: "openocd.cfg".to_owned(), origin };
            if Key::ALL.into_iter().filter(|key| key.is_source()).all(|key| settings.get(key).is_none()) {
                file::check_is_file(path)?;
                settings.take(Key::Config, setting);
            }
        }
        settings.decide_source()?;
        Ok(settings)
    }
}
