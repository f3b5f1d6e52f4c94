//! Prints each public item of a crate with its signature, one a line, from rustdoc's JSON.

use std::collections::HashSet;
use std::error::Error;

/// Traits that the compiler implements where it can. What matters is where it cannot: those lines begin with `impl !`.
const AUTOMATIC: [&str; 5] = ["Send", "Sync", "Unpin", "RefUnwindSafe", "UnwindSafe"];
/// Traits of the compiler that no program can name.
const UNSTABLE: [&str; 3] = ["Freeze", "StructuralPartialEq", "UnsafeUnpin"];

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: public-items FILE.json")?;
    let interface = public_api::Builder::from_rustdoc_json(file).omit_blanket_impls(true).build()?;
    let items: Vec<_> = interface.items().map(|item| (item, item.to_string())).collect();

    let own_traits: HashSet<_> = items.iter().filter_map(|(_, text)| declared_trait(text)).collect();
    let is_foreign = |text: &str| implemented_trait(text).is_some_and(|name| !own_traits.contains(name));
    let foreign: HashSet<_> = items.iter().filter(|(_, text)| is_foreign(text)).map(|(item, _)| item.id()).collect();

    for (item, text) in &items {
        // The functions that a trait of another crate requires are known from the line of its `impl`.
        let is_required = item.parent_id().is_some_and(|parent| foreign.contains(&parent)) && !text.contains(" type ");
        let is_noise = match implemented_trait(text) {
            Some(name) => {
                let short = name.rsplit("::").next().unwrap_or(name);
                UNSTABLE.contains(&short) || AUTOMATIC.contains(&short) && !text.starts_with("impl !")
            }
            // How methods are divided among blocks is no part of the interface.
            None => text.starts_with("impl"),
        };
        if !is_required && !is_noise {
            println!("{text}");
        }
    }
    Ok(())
}

/// The path of the trait that `text` declares.
fn declared_trait(text: &str) -> Option<&str> {
    let path = text.strip_prefix("pub trait ")?.split(' ').next()?;
    Some(path.split('<').next()?.trim_end_matches(':'))
}

/// The path of the trait that `text` implements.
fn implemented_trait(text: &str) -> Option<&str> {
    let (head, _) = text.strip_prefix("impl")?.split_once(" for ")?;
    // Before the trait are the parameters of the block, after it those of the trait.
    let start = match head.strip_prefix('<') {
        Some(_) => 1 + head.find("> ")?,
        None => 0,
    };
    head[start..].trim_start_matches([' ', '!']).split('<').next()
}
