//! Which operations were called and how they ended, and which ones the specs have.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::StatusCode;
use pentaprism_client::Error;
use pentaprism_core::{Message, Operation};

/// What came of the calls of one test, by the names that the calls' own inputs give themselves.
#[derive(Default)]
pub(crate) struct Calls {
    succeeded: RefCell<BTreeSet<Name>>,
    refused: RefCell<BTreeSet<Name>>,
    /// Those for which no refusal is documented.
    without_refusals: RefCell<BTreeSet<Name>>,
}

/// Dialect and operation.
type Name = (&'static str, &'static str);

impl Calls {
    /// Notes a success, and gives it.
    #[track_caller]
    pub(crate) fn success<O: Operation, S>(&self, _input: &O, answer: Result<S, Error<O::Error>>) -> S {
        let ok = answer.unwrap_or_else(|error| panic!("{}: {error:?}", O::INFO.name));
        self.succeeded.borrow_mut().insert(name::<O>());
        if !(100..600).any(|code| O::Error::documents(StatusCode::from_u16(code).unwrap())) {
            self.without_refusals.borrow_mut().insert(name::<O>());
        }
        ok
    }

    /// Notes a documented refusal.
    pub(crate) fn refusal<O: Operation>(&self, _input: &O) {
        self.refused.borrow_mut().insert(name::<O>());
    }

    /// Fails unless each operation of the dialect's spec has succeeded and, if it can be, been refused.
    pub(crate) fn assert_complete(&self, dialect: &str) {
        let called = |names: &RefCell<BTreeSet<Name>>| -> BTreeSet<String> {
            let names = names.borrow();
            assert!(names.iter().all(|(of, _)| *of == dialect), "{names:?} are not all of {dialect}");
            names.iter().map(|(_, name)| (*name).to_owned()).collect()
        };
        let documented = specs().remove(dialect).unwrap();
        assert_eq!(called(&self.succeeded), documented, "operations that succeeded, and those of specs/{dialect}.yaml");
        let refused: BTreeSet<_> = &called(&self.refused) | &called(&self.without_refusals);
        assert_eq!(refused, documented, "operations that were refused, and those of specs/{dialect}.yaml");
    }
}

const fn name<O: Operation>() -> Name {
    (O::INFO.dialect, O::INFO.name)
}

/// Every spec's operations, in the case of their types.
pub(crate) fn specs() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let specs = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    specs.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), operations(&path))).collect()
}

fn operations(spec: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(spec).unwrap();
    let ids = text.lines().filter_map(|line| line.trim_start().strip_prefix("operationId: "));
    let operations: BTreeSet<String> = ids.map(|id| id[..1].to_uppercase() + id[1..].trim_end()).collect();
    assert!(!operations.is_empty(), "{} has no operation", spec.display());
    operations
}

/// Calls a method of a client with its input, and gives the documented success.
macro_rules! succeed {
    ($calls:expr, $client:ident.$method:ident(&$input:expr $(, $source:expr)?)) => {{
        let input = &$input;
        let answer = $client.$method(input $(, $source)?).await;
        $calls.success(input, answer)
    }};
}

/// Calls a method of a client with its input, and fails unless it is refused in the way that the pattern says.
macro_rules! refuse {
    ($calls:expr, $client:ident.$method:ident(&$input:expr $(, $source:expr)?), $refusal:pat $(if $condition:expr)?) => {{
        let input = &$input;
        match $client.$method(input $(, $source)?).await {
            Err(pentaprism_client::Error::Refused($refusal)) $(if $condition)? => $calls.refusal(input),
            other => panic!("{}: {:?}", stringify!($method), other.map(drop)),
        }
    }};
}

pub(crate) use {refuse, succeed};
