//! How the database finds the rows of every statement in this folder. A statement that is new is found in the sources, so that none can be
//! forgotten: each must go by the whole of what an index can be asked for and sort nothing, or stand here with the reason why it need not.

use rusqlite::{Connection, params_from_iter, types::Value as Sql};

use super::{queries, schema};
use crate::{
    clock::Timestamp,
    model::{ListQuery, Order},
};

/// Files with statements that read everything, because that is what they are for: checks and repairs of the whole store.
const WHOLE_FILES: [&str; 2] = ["audit.rs", "recount.rs"];

/// Statements that read or sort more than a few rows, by how they begin, and the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("SELECT batch FROM store", "the table has one row"),
    ("SELECT id FROM store", "the table has one row"),
    ("SELECT sequence = 0", "the table has one row, and of the other the first is enough"),
    ("SELECT names, contents, bytes, doomed", "one row, and indexes that hold only open sessions and damaged contents"),
    ("UPDATE name SET blob = ?2 WHERE blob = ?1", "a repair; an index of contents would cost every upload"),
    ("SELECT container, count(*), sum(length)", "once an hour, an index alone"),
    ("SELECT key FROM name WHERE dialect = ?1 AND scope = ?2 ORDER BY blob", "all of them are deleted"),
    ("SELECT blob, count(*) FROM name WHERE dialect", "all of them are deleted"),
    (
        "SELECT id, session, key, blob, ended, declared, received, ranges, touched FROM writer WHERE dialect = ?1 AND scope = ?2 AND session",
        "writers of one session id, ended ones for half an hour",
    ),
];

/// Statements that are put together, by how they begin in the sources. Below, each is looked at as a whole.
const PIECES: &[&str] = &[
    "SELECT {NAME_COLUMNS} FROM name WHERE dialect = ? AND scope = ?",
    "SELECT {BLOB_COLUMNS} FROM blob WHERE id = ?1",
    "SELECT {BLOB_COLUMNS} FROM blob WHERE {condition} id > ?1",
    "SELECT {NAME_COLUMNS} FROM name WHERE row = ?1",
    "SELECT {} FROM name AS n WHERE n.dialect = ?1 AND n.scope = ?2 AND n.key = ?3",
    // Checks that have found damage.
    "SELECT {BLOB_COLUMNS} FROM blob WHERE {condition} = ?1 AND size = ?2",
    "SELECT blob, dialect, scope, key FROM name WHERE blob IN ({places})",
    // Searches, which have tests of their own.
    "SELECT row FROM (",
    "SELECT * FROM (",
    "SELECT n.row AS row",
];

fn database() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate(&mut db).unwrap();
    db
}

fn is_test(source: &std::path::Path) -> bool {
    let name = source.file_name().unwrap().to_str().unwrap();
    name.ends_with("_tests.rs") || ["plans.rs", "flat.rs"].contains(&name)
}

/// Every text in a source that is a statement or begins one, up to its tests.
fn statements(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source.split("#[cfg(test)]").next().unwrap_or_default();
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (mark, behind) = rest[at..].split_at(1);
        rest = behind;
        match mark {
            "/" if behind.starts_with('/') => rest = behind.split_once('\n').map_or("", |(_, next)| next),
            // A character, which may be a quotation mark; a lifetime has no second one near.
            "'" if behind.starts_with('\\') => rest = behind.get(3..).unwrap_or_default(),
            "'" if behind.chars().nth(1) == Some('\'') => {
                rest = &behind[behind.char_indices().nth(2).map_or(behind.len(), |(at, _)| at)..];
            }
            "\"" => {
                let (text, next) = literal(behind);
                rest = next;
                let begins = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
                if begins.iter().any(|begin| text.starts_with(begin)) {
                    found.push(text);
                }
            }
            _ => {}
        }
    }
    found
}

/// The text up to the quotation mark that ends it, with single blanks in place of what is blank, and what comes behind.
fn literal(source: &str) -> (String, &str) {
    let mut text = String::new();
    let mut escaped = false;
    for (at, c) in source.char_indices() {
        match c {
            '"' if !escaped => return (text.split_whitespace().collect::<Vec<_>>().join(" "), &source[at + 1..]),
            '\\' if !escaped => escaped = true,
            c => {
                text.push(c);
                escaped = false;
            }
        }
    }
    panic!("a text does not end: {text}");
}

fn plan(db: &Connection, sql: &str, values: Option<Vec<Sql>>) -> rusqlite::Result<Vec<String>> {
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let values = values.unwrap_or_else(|| vec![Sql::Null; plan.parameter_count()]);
    plan.query_map(params_from_iter(values), |row| row.get(3))?.collect()
}

/// What a plan has that a statement over a million rows must not have. An index that begins with dialect and scope and is asked
/// for nothing else goes through all of a dialect.
fn faults(plan: &[String]) -> Vec<&String> {
    let is_one = |line: &str| line == "SCAN CONSTANT ROW";
    let fault = |line: &&String| {
        (line.starts_with("SCAN ") && !is_one(line))
            || line.contains("TEMP B-TREE")
            || line.ends_with("(dialect=? AND scope=?)")
    };
    let whole_key = |line: &&String| !line.starts_with("SEARCH usage USING PRIMARY KEY");
    plan.iter().filter(fault).filter(whole_key).collect()
}

#[test]
fn every_statement_in_the_sources_goes_by_an_index() {
    let db = database();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog");
    let (mut known, mut looked_at) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        if is_test(&file) {
            continue;
        }
        for statement in statements(&std::fs::read_to_string(&file).unwrap()) {
            if PIECES.iter().any(|piece| statement.starts_with(piece)) {
                known += 1;
                continue;
            }
            let plan = plan(&db, &statement, None);
            let plan = plan.unwrap_or_else(|error| panic!("{name} has a statement in pieces: {statement}: {error}"));
            looked_at += 1;
            let excused =
                WHOLE_FILES.contains(&name) || EXCEPTIONS.iter().any(|(begin, _)| statement.starts_with(begin));
            assert!(excused || faults(&plan).is_empty(), "{name}: {statement}\n{plan:#?}");
        }
    }
    assert!(known >= PIECES.len() && looked_at > 80, "the sources are read: {known} in pieces, {looked_at} looked at");
}

#[test]
fn exceptions_are_needed() {
    let db = database();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog");
    let sources: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| !is_test(file))
        .map(|file| std::fs::read_to_string(file).unwrap().split("#[cfg(test)]").next().unwrap().to_owned())
        .collect();
    let all = statements(&sources);
    for (begin, reason) in EXCEPTIONS {
        let excused: Vec<_> = all.iter().filter(|statement| statement.starts_with(begin)).collect();
        let needed = |statement: &&String| !faults(&plan(&db, statement, None).unwrap()).is_empty();
        assert!(!excused.is_empty() && excused.iter().all(needed), "{begin}: {reason}");
    }
}

#[test]
fn pages_of_contents_go_by_their_ids() {
    let db = database();
    for (condition, index) in [
        ("", "SEARCH blob USING PRIMARY KEY (id>?)"),
        ("state = 2 AND", "SEARCH blob USING INDEX blob_doomed (id>?)"),
        ("state = 1 AND blake3 IS NULL AND", "SEARCH blob USING INDEX blob_unknown (id>?)"),
    ] {
        let sql = queries::select_blobs(condition);
        assert_eq!(plan(&db, &sql, None).unwrap(), [index], "{sql}");
    }
}

#[test]
fn pages_of_names_read_what_they_show_and_sort_nothing() {
    let db = database();
    let cases = [
        (Order::Key, "sqlite_autoindex_name_1"),
        (Order::NewestFirst, "name_newest"),
        (Order::LongestUnchanged, "name_unchanged"),
    ];
    for (order, index) in cases {
        for after in [None, Some("k".to_owned())] {
            let query = ListQuery {
                status: Some("complete".into()),
                modified_before: Some(Timestamp::from_unix_micros(1)),
                order,
                after,
                ..ListQuery::new("toy", "operations", 10)
            };
            let (sql, values) = queries::select_names(&query);
            let plan = plan(&db, &sql, Some(values)).unwrap();
            assert!(plan[0].starts_with(&format!("SEARCH name USING INDEX {index} ")), "{order:?}: {plan:?}");
            assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{order:?}: {plan:?}");
        }
    }
    let owned = ListQuery { owner: Some("p".into()), ..ListQuery::new("toy", "things", 10) }.order(Order::NewestFirst);
    let (sql, values) = queries::select_names(&owned);
    let expected = "SEARCH name USING INDEX name_owner (dialect=? AND scope=? AND owner=?)";
    assert_eq!(plan(&db, &sql, Some(values)).unwrap(), [expected]);
}
