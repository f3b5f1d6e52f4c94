//! Which entries of defmt's log are shown: `warn`, or `app::radio=debug,info`.

use defmt_parser::Level;

/// A level for all modules, and for some of their own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogFilter {
    general: Level,
    modules: Vec<(String, Level)>,
}

impl LogFilter {
    pub(super) fn parse(text: &str) -> Result<LogFilter, String> {
        let mut filter = LogFilter { general: Level::Trace, modules: Vec::new() };
        for part in text.split(',') {
            match part.split_once('=') {
                Some((module, name)) => filter.modules.push((module.trim().to_owned(), level(name)?)),
                None => filter.general = level(part)?,
            }
        }
        // The longest name first: the most specific one counts.
        filter.modules.sort_by_key(|(module, _)| std::cmp::Reverse(module.len()));
        Ok(filter)
    }

    /// Whether an entry is shown. One without a level (`defmt::println!`) always is.
    pub(super) fn lets_through(&self, level: Option<Level>, module: Option<&str>) -> bool {
        let Some(level) = level else { return true };
        let own = self.modules.iter().find(|(name, _)| module.is_some_and(|module| is_within(module, name)));
        severity(level) >= severity(own.map_or(self.general, |(_, level)| *level))
    }
}

fn is_within(module: &str, name: &str) -> bool {
    module.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn level(name: &str) -> Result<Level, String> {
    Ok(match name.trim().to_ascii_lowercase().as_str() {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => return Err(format!("{name:?} is no level: trace, debug, info, warn, error")),
    })
}

fn severity(level: Level) -> u8 {
    match level {
        Level::Trace => 0,
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_module_decides() {
        let filter = LogFilter::parse("warn,app=info,app::radio=trace").unwrap();
        assert!(!filter.lets_through(Some(Level::Info), Some("other")));
        assert!(filter.lets_through(Some(Level::Info), Some("app")));
        assert!(!filter.lets_through(Some(Level::Debug), Some("app::sensor")));
        assert!(filter.lets_through(Some(Level::Trace), Some("app::radio::tx")));
        assert!(!filter.lets_through(Some(Level::Info), Some("apple")));
        assert!(filter.lets_through(None, None));
    }

    #[test]
    fn unknown_levels_are_refused() {
        assert!(LogFilter::parse("loud").unwrap_err().contains("trace, debug"));
        assert!(LogFilter::parse("app=").is_err());
    }
}
