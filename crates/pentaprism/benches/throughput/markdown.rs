//! The figures as a table for documents: a row for each goal, and for each rate that has none.

use std::fmt::Write as _;

use crate::contender::Contender;
use crate::figures::{Beside, Goal, RATE, Results};
use crate::table::{number, sign};

/// What stands above the rows.
pub(crate) const HEAD: &str = "\
| Workload | Ours | Beside | Ratio | Must | Aim |
| --- | --- | --- | --- | --- | --- |
";

/// The rows of one workload.
pub(crate) fn rows(name: &str, results: &Results, goals: &[Goal]) -> String {
    let mut rows = String::new();
    let rate = results.median(Contender::Ours, RATE).filter(|_| goals.iter().all(|goal| goal.label != RATE));
    if let Some((value, unit)) = rate {
        write_row(&mut rows, &[name, &format!("{} {unit}", number(value)), "", "", "", ""]);
    }
    for goal in goals {
        let Some(((ours, unit), ratio)) = results.median(Contender::Ours, goal.label).zip(results.ratio(goal)) else {
            continue;
        };
        let what = if goal.label == RATE { String::new() } else { format!("{}: ", goal.label) };
        let ours = format!("{what}{} {unit}", number(ours));
        let mark = |mark| {
            let verdict = if goal.reaches(ratio, mark) { "met" } else { "**missed**" };
            format!("{} {} {verdict}", sign(goal), number(mark))
        };
        let shown = if matches!(goal.beside, Beside::Nothing) { String::new() } else { number(ratio) };
        write_row(&mut rows, &[name, &ours, &beside(goal, results), &shown, &mark(goal.must), &mark(goal.aim)]);
    }
    rows
}

fn beside(goal: &Goal, results: &Results) -> String {
    let (contender, label) = match goal.beside {
        Beside::Contender(contender, label) => (contender, label),
        Beside::Own(label) => (Contender::Ours, label),
        Beside::Known(_, what) => return what.to_owned(),
        Beside::Nothing => return String::new(),
    };
    let who = if contender == Contender::Ours { String::new() } else { format!("{} ", contender.name()) };
    let what = if label == RATE { String::new() } else { format!("{label} ") };
    let value = results.median(contender, label).map(|(value, unit)| format!("{} {unit}", number(value)));
    format!("{who}{what}{}", value.unwrap_or_default()).replace('|', "\\|")
}

fn write_row(rows: &mut String, cells: &[&str]) {
    writeln!(rows, "| {} |", cells.join(" | ")).expect("a string takes all text");
}
