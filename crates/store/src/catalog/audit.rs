//! What rows must agree on: every check as a statement that finds what does not, for `fsck`.

use rusqlite::Connection;

use super::Discrepancy;

/// Findings of one check that are told; of more only the number is.
const TOLD: usize = 100;

/// What can be done about what a check finds.
#[derive(Debug, Clone, Copy)]
enum Cure {
    /// The transaction in `recount` sets it right; in which way.
    Recount(&'static str),
    /// It says nothing about the bytes by itself: what people can do.
    Advice(&'static str),
}

struct Check {
    complaint: &'static str,
    /// Selects one text for everything that is wrong.
    sql: &'static str,
    cure: Cure,
}

const COUNTED_ANEW: Cure = Cure::Recount("it is counted anew");

const CHECKS: &[Check] = &[
    Check {
        complaint: "name has another size than its content",
        sql: "SELECT dialect || ':' || scope || ':' || key FROM name JOIN blob ON blob.id = name.blob
              WHERE blob.state = 1 AND name.size IS NOT blob.size",
        cure: Cure::Recount("it gets the size of its content"),
    },
    Check {
        complaint: "name points at bytes that are on their way out",
        sql: "SELECT dialect || ':' || scope || ':' || key FROM name JOIN blob ON blob.id = name.blob
              WHERE blob.state <> 1 AND blob.size > 0 AND blob.size =
              (SELECT coalesce(sum(length), 0) FROM segment WHERE segment.blob = blob.id AND segment.state = 1)",
        cure: Cure::Recount("they stay, and are checked"),
    },
    Check {
        complaint: "name points at bytes that are not there",
        sql: "SELECT dialect || ':' || scope || ':' || key FROM name LEFT JOIN blob ON blob.id = name.blob
              WHERE name.blob IS NOT NULL AND (blob.id IS NULL OR blob.state <> 1 AND NOT (blob.size > 0 AND blob.size =
              (SELECT coalesce(sum(length), 0) FROM segment WHERE segment.blob = blob.id AND segment.state = 1)))",
        cure: Cure::Advice("delete it or upload it anew, or restore a backup"),
    },
    Check {
        complaint: "blob has another number of names than it counts",
        sql: "SELECT hex(id) FROM blob LEFT JOIN
              (SELECT blob, count(*) AS names FROM name WHERE blob IS NOT NULL GROUP BY blob) ON blob = id
              WHERE state = 1 AND refs <> coalesce(names, 0)",
        cure: COUNTED_ANEW,
    },
    Check {
        complaint: "blob has no name and does not wait to be freed",
        sql: "SELECT hex(id) FROM blob WHERE state = 1 AND id NOT IN (SELECT blob FROM name WHERE blob IS NOT NULL)
              UNION ALL
              SELECT hex(id) FROM blob WHERE state = 0 AND id NOT IN (SELECT blob FROM writer WHERE state = 0)",
        cure: Cure::Recount("it is freed by the next sweep"),
    },
    Check {
        complaint: "segment belongs to no blob",
        sql: "SELECT DISTINCT hex(blob) FROM segment WHERE blob NOT IN (SELECT id FROM blob)",
        cure: Cure::Recount("its row goes; its file is set aside then"),
    },
    Check {
        complaint: "blob has another size than its segments together",
        sql: "SELECT hex(id) FROM blob WHERE state = 1 AND size <>
              (SELECT coalesce(sum(length), 0) FROM segment WHERE segment.blob = blob.id)",
        cure: Cure::Advice("whether its bytes are whole is told apart"),
    },
    Check {
        complaint: "pack has bodies that overlap",
        sql: "SELECT DISTINCT hex(container) FROM
              (SELECT container, offset, lag(offset + length) OVER (PARTITION BY container ORDER BY offset, length) AS reached
               FROM segment WHERE packed = 1) WHERE offset < reached",
        cure: Cure::Advice("which of them are damaged is told apart"),
    },
    Check {
        complaint: "folder counts other files or bytes than lie below it",
        sql: "SELECT path FROM folder AS f WHERE path <> '' AND (files, bytes) <>
              (SELECT count(*), coalesce(sum(size), 0) FROM name AS n WHERE n.dialect = f.dialect AND n.scope = f.scope
               AND n.key >= f.path || '/' AND n.key < f.path || '0')",
        cure: COUNTED_ANEW,
    },
    Check {
        complaint: "root counts other files or bytes than its tree has",
        sql: "SELECT scope FROM folder AS f WHERE path = '' AND (files, bytes) <>
              (SELECT count(*), coalesce(sum(size), 0) FROM name AS n WHERE n.dialect = f.dialect AND n.scope = f.scope)",
        cure: COUNTED_ANEW,
    },
    Check {
        complaint: "file lies in a folder that is not kept",
        sql: "SELECT dialect || ':' || scope || ':' || key FROM name AS n WHERE parent IS NOT NULL AND NOT EXISTS
              (SELECT 1 FROM folder AS f WHERE f.dialect = n.dialect AND f.scope = n.scope AND f.path = n.parent)",
        cure: Cure::Recount("the folder is kept again"),
    },
    Check {
        complaint: "account counts other bytes than its names have",
        sql: "WITH counted AS (SELECT dialect, account AS scope, sum(size) AS bytes FROM name WHERE account IS NOT NULL GROUP BY 1, 2)
              SELECT u.scope FROM usage AS u LEFT JOIN counted AS c USING (dialect, scope) WHERE u.bytes <> coalesce(c.bytes, 0)
              UNION ALL
              SELECT c.scope FROM counted AS c LEFT JOIN usage AS u USING (dialect, scope) WHERE u.bytes IS NULL AND c.bytes > 0",
        cure: COUNTED_ANEW,
    },
    Check {
        complaint: "account has reserved other bytes than its writers",
        sql: "SELECT u.scope FROM usage AS u LEFT JOIN
              (SELECT dialect, account, sum(reserved) AS counted FROM writer GROUP BY dialect, account) AS w
              ON w.dialect = u.dialect AND w.account = u.scope WHERE u.reserved <> coalesce(counted, 0)",
        cure: COUNTED_ANEW,
    },
    Check {
        complaint: "store counts other names than it has",
        sql: "SELECT names || ' instead of ' || (SELECT count(*) FROM name) FROM store WHERE names <> (SELECT count(*) FROM name)",
        cure: COUNTED_ANEW,
    },
    Check {
        complaint: "store counts other contents or bytes than it has",
        sql: "SELECT contents || ' with ' || bytes || ' bytes, waiting ' || doomed || ' with ' || doomed_bytes FROM store
              WHERE (contents, bytes, doomed, doomed_bytes) <>
              (SELECT coalesce(sum(state = 1), 0), coalesce(sum((state = 1) * size), 0), coalesce(sum(state = 2), 0),
               coalesce(sum((state = 2) * size), 0) FROM blob)",
        cure: COUNTED_ANEW,
    },
];

/// What rows do not agree on. Reads all of them.
pub(super) fn audit(db: &Connection) -> rusqlite::Result<Vec<Discrepancy>> {
    // All checks see the same moment.
    let snapshot = db.unchecked_transaction()?;
    let mut findings = Vec::new();
    for check in CHECKS {
        let cure = match check.cure {
            Cure::Recount(how) => Ok(how),
            Cure::Advice(advice) => Err(advice),
        };
        let mut statement = snapshot.prepare(check.sql)?;
        let mut found = 0;
        for subject in statement.query_map([], |row| row.get::<_, String>(0))? {
            let subject = subject?;
            if found < TOLD {
                findings.push(Discrepancy { what: format!("{}: {subject:?}", check.complaint), cure });
            }
            found += 1;
        }
        if found > TOLD {
            findings.push(Discrepancy { what: format!("{}: {} more", check.complaint, found - TOLD), cure });
        }
    }
    Ok(findings)
}
