//! The guide has a row for each variant of each enum.

/// What the guide says of all enums at once.
const SHARED: [&str; 3] = ["InvalidArgument", "Refused", "UnexpectedReply"];

/// The variants that a source declares, as `Enum::Variant`.
fn variants(source: &str) -> Vec<String> {
    let mut variants = Vec::new();
    let mut declared = None;
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("pub enum ") {
            declared = name.split(' ').next();
        } else if line == "}" {
            declared = None;
        }
        let Some(variant) = line.strip_prefix("    ").filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        else {
            continue;
        };
        let variant: String = variant.chars().take_while(char::is_ascii_alphanumeric).collect();
        if let Some(declared) = declared.filter(|_| !SHARED.contains(&&*variant)) {
            variants.push(format!("{declared}::{variant}"));
        }
    }
    variants
}

#[test]
fn guide_has_a_row_for_each_variant() {
    const GUIDE: &str = include_str!("../guide/errors.md");
    let sources = [
        include_str!("adapter.rs"),
        include_str!("breakpoint.rs"),
        include_str!("command.rs"),
        include_str!("connection.rs"),
        include_str!("dap.rs"),
        include_str!("flash.rs"),
        include_str!("image.rs"),
        include_str!("jtag.rs"),
        include_str!("process.rs"),
        include_str!("rtt.rs"),
        include_str!("semihosting.rs"),
        include_str!("svd.rs"),
        include_str!("target.rs"),
        include_str!("timeout.rs"),
    ];
    let all: Vec<_> = sources.into_iter().flat_map(variants).collect();
    assert!(all.len() > 150, "{}", all.len());
    let is_there = |variant: &str| ["`", ")", ",", " "].iter().any(|end| GUIDE.contains(&format!("{variant}{end}")));
    let missing: Vec<_> = all.iter().filter(|variant| !is_there(variant)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
