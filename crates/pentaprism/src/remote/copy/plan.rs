//! Which place each source goes to.

use std::collections::HashSet;
use std::path::Path;

use crate::remote::address::{Address, Location, Place};
use crate::remote::failure::{Failure, FailureKind};

/// One source and the place it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Where it comes from.
    pub from: Location,
    /// Where it goes to. Of Service Fabric, the full path; of a local folder, the path of the new entry when the source has a
    /// name, else the folder.
    pub to: Location,
}

/// Pairs the sources with their places. `is_folder` says whether a local path is a folder.
///
/// A target that ends in a slash, or that is a local folder, takes sources by their own names; any other target is the new name
/// of the one source.
///
/// # Errors
/// Several sources for a place that is no folder, two local ends, or an end that cannot be a target.
pub fn pairs(sources: &[Location], target: &Location, is_folder: impl Fn(&Path) -> bool) -> Result<Vec<Pair>, Failure> {
    let into = takes_names(target, &is_folder);
    if sources.len() > 1 && !into && !gives_ids(target) {
        let what = format!("{} sources cannot become one {}", sources.len(), shown(target));
        return Err(usage(what, "name a folder: one that is there, or sf:PATH/ with a slash at its end"));
    }
    let pairs: Vec<Pair> = sources.iter().map(|source| pair(source, target, into)).collect::<Result<_, _>>()?;
    if !gives_ids(target) {
        let mut taken = HashSet::new();
        for pair in &pairs {
            // Services take a backslash for a slash.
            if !taken.insert(shown(&pair.to).replace('\\', "/")) {
                let what = format!("two sources would become {}", shown(&pair.to));
                return Err(usage(what, "copy one of them by itself, to another name"));
            }
        }
    }
    Ok(pairs)
}

fn pair(source: &Location, target: &Location, into: bool) -> Result<Pair, Failure> {
    if !matches!(source, Location::Remote(_)) && !matches!(target, Location::Remote(_)) {
        let what = format!("neither {} nor {} is at a service", shown(source), shown(target));
        return Err(usage(what, "one of them has to be an address such as glance:NAME; for files there is `cp`"));
    }
    let name = name_of(source);
    let to = match (target, name) {
        (Location::Local(folder), Some(name)) if into => Location::Local(folder.join(name)),
        (Location::Remote(address), name) => Location::Remote(named(address, name)?),
        (target, _) => target.clone(),
    };
    Ok(Pair { from: source.clone(), to })
}

/// Completes a remote target that is a folder, or that has no name yet, with the source's name.
fn named(address: &Address, name: Option<&str>) -> Result<Address, Failure> {
    let place = match &address.place {
        Place::ServiceFabric(path) if path.is_empty() || path.ends_with('/') => {
            let Some(name) = name else {
                let what = format!("what comes from standard input has no name at {address}");
                return Err(usage(what, "write the whole path, such as sf:App/code.zip"));
            };
            Place::ServiceFabric(format!("{path}{name}"))
        }
        Place::Glance(given) if given.is_empty() => Place::Glance(name.unwrap_or_default().to_owned()),
        Place::SavedViews { view: None, .. } => {
            let what = format!("{address} names no saved view");
            return Err(usage(what, "write views:SAVED_VIEW_ID; `pentaprism ls views:` lists them"));
        }
        other => other.clone(),
    };
    Ok(Address { profile: address.profile.clone(), place })
}

/// Whether sources keep their names at the target.
fn takes_names(target: &Location, is_folder: &impl Fn(&Path) -> bool) -> bool {
    match target {
        Location::Local(path) => path.as_os_str().as_encoded_bytes().ends_with(b"/") || is_folder(path),
        Location::Remote(Address { place: Place::ServiceFabric(path), .. }) => path.is_empty() || path.ends_with('/'),
        Location::Remote(Address { place: Place::Glance(name), .. }) => name.is_empty(),
        Location::Remote(_) | Location::Standard => false,
    }
}

/// Whether the service names what it is given, so that several sources become several images.
fn gives_ids(target: &Location) -> bool {
    let Location::Remote(address) = target else { return false };
    matches!(address.place, Place::AzureSphere(None) | Place::Pingone(None))
}

/// The name under which a source is put into a folder: the last part of its path or address.
pub fn name_of(source: &Location) -> Option<&str> {
    let last = |path: &'_ str| -> Option<usize> {
        let path = path.trim_end_matches('/');
        let start = path.rfind('/').map_or(0, |slash| slash + 1);
        (!path[start..].is_empty()).then_some(start)
    };
    match source {
        Location::Local(path) => path.file_name()?.to_str(),
        Location::Standard => None,
        Location::Remote(address) => match &address.place {
            Place::ServiceFabric(path) => last(path).map(|start| path[start..].trim_end_matches('/')),
            Place::Glance(name) => last(name).map(|start| name[start..].trim_end_matches('/')),
            // The service knows the file's name, or its type; it is asked.
            Place::AzureSphere(_) | Place::Pingone(_) | Place::SavedViews { .. } => None,
        },
    }
}

/// How a place is told.
pub fn shown(location: &Location) -> String {
    match location {
        Location::Local(path) => path.display().to_string(),
        Location::Standard => "standard input or output".to_owned(),
        Location::Remote(address) => address.to_string(),
    }
}

fn usage(what: String, advice: &str) -> Failure {
    Failure::new(FailureKind::Usage, what).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The targets of `sources`, where only `out` is a folder.
    fn targets(sources: &[&str], target: &str) -> Result<Vec<String>, FailureKind> {
        let read = |text: &str| Location::read(text.as_ref()).unwrap();
        let sources: Vec<_> = sources.iter().map(|source| read(source)).collect();
        let pairs = pairs(&sources, &read(target), |path| path == Path::new("out")).map_err(|failure| failure.kind)?;
        Ok(pairs.iter().map(|pair| shown(&pair.to)).collect())
    }

    #[test]
    fn one_source_gets_the_targets_name_or_keeps_its_own() {
        for (source, target, expected) in [
            ("a/disk.raw", "glance:disk", "glance:disk"),
            ("a/disk.raw", "glance:", "glance:disk.raw"),
            ("a/disk.raw", "lab/sf:App/", "lab/sf:App/disk.raw"),
            ("a/disk.raw", "sf:", "sf:disk.raw"),
            ("a/disk.raw", "sf:App", "sf:App"),
            ("-", "glance:", "glance:"),
            ("-", "pingone:", "pingone:"),
            ("a.png", "views:V", "views:V"),
            ("glance:disk", "out", "out/disk"),
            ("glance:disk", "new", "new"),
            ("sf:App/Code/x.dll", "out/", "out/x.dll"),
            ("sf:App/", "out", "out/App"),
            ("pingone:3", "out", "out"),
            ("pingone:3", "-", "standard input or output"),
            ("pingone:3", "views:V", "views:V"),
            ("glance:disk", "sf:Images/", "sf:Images/disk"),
        ] {
            assert_eq!(targets(&[source], target).as_deref(), Ok(&[expected.to_owned()][..]), "{source} {target}");
        }
    }

    #[test]
    fn several_sources_need_a_folder_or_a_service_that_gives_ids() {
        assert_eq!(targets(&["a", "b/c"], "sf:App/").unwrap(), ["sf:App/a", "sf:App/c"]);
        assert_eq!(targets(&["glance:a", "sf:b"], "out").unwrap(), ["out/a", "out/b"]);
        assert_eq!(targets(&["a", "b"], "sphere:").unwrap(), ["sphere:", "sphere:"]);
        assert_eq!(targets(&["a", "b"], "glance:").unwrap(), ["glance:a", "glance:b"]);
        for (sources, target) in [
            (&["a", "b"][..], "sf:App"),
            (&["a", "b"], "glance:x"),
            (&["glance:a", "glance:b"], "new"),
            (&["glance:a", "glance:b"], "-"),
            (&["a"], "b"),
            (&["-"], "out"),
            (&["-"], "sf:App/"),
            (&["a.png"], "views:"),
            (&["a/f", "b/f"], "sf:App/"),
            (&["a/f", "b/f"], "glance:"),
            (&["sf:a/f", "glance:f"], "out"),
        ] {
            assert_eq!(targets(sources, target), Err(FailureKind::Usage), "{sources:?} {target}");
        }
    }
}
