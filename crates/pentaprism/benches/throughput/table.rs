//! The figures as a table for people: medians over all rounds, the spread between them, ratios, and which goals are met.

use std::fmt::{Display, Formatter, Result};

use crate::contender::Contender;
use crate::figures::{Beside, Goal, Good, Results, Series, median};

/// The lines of one workload.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// What is done.
    pub(crate) title: &'a str,
    /// What was measured.
    pub(crate) results: &'a Results,
    /// What is wanted.
    pub(crate) goals: &'a [Goal],
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "\n{}  {}", self.name, self.title)?;
        writeln!(f, "  {:<14} {:<34} {:>8} {:<12} {:>19} {:>8}", "", "", "median", "", "least to most", "ours/it")?;
        for series in self.results.all() {
            self.figure(series, f)?;
        }
        for goal in self.goals {
            self.goal(goal, f)?;
        }
        Ok(())
    }
}

impl Table<'_> {
    fn figure(&self, series: &Series, f: &mut Formatter<'_>) -> Result {
        let values = &series.values;
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let beside = Goal {
            label: series.label,
            beside: Beside::Contender(series.contender, series.label),
            good: Good::AtLeast,
            must: 0.0,
            aim: 0.0,
        };
        let other = series.contender != Contender::Ours;
        let ratio = self
            .results
            .ratio(&beside)
            .filter(|ratio| other && ratio.is_finite())
            .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let line = format!(
            "  {:<14} {:<34} {:>8} {:<12} {:>19} {ratio:>8}",
            series.contender.name(),
            series.label,
            number(median(values)),
            series.unit,
            format!("{} to {}", number(least), number(most)),
        );
        writeln!(f, "{}", line.trim_end())
    }

    fn goal(&self, goal: &Goal, f: &mut Formatter<'_>) -> Result {
        let said = says(goal);
        let Some(value) = self.results.ratio(goal) else {
            return writeln!(f, "  goal  {said}: not measured");
        };
        let (sign, verdict) = (sign(goal), |mark| if goal.reaches(value, mark) { "met" } else { "MISSED" });
        writeln!(
            f,
            "  goal  {said}: {}, must {sign} {} {}, aim {sign} {} {}",
            number(value),
            number(goal.must),
            verdict(goal.must),
            number(goal.aim),
            verdict(goal.aim)
        )
    }
}

/// A goal in words, without its marks.
pub(crate) fn says(goal: &Goal) -> String {
    match goal.beside {
        Beside::Contender(contender, label) if label == goal.label => format!("{label} / {}", contender.name()),
        Beside::Contender(contender, label) => format!("{} / {}'s {label}", goal.label, contender.name()),
        Beside::Own(label) => format!("{} / {label}", goal.label),
        Beside::Known(_, what) => format!("{} / {what}", goal.label),
        Beside::Nothing => goal.label.to_owned(),
    }
}

/// The sign between a value and its mark.
pub(crate) const fn sign(goal: &Goal) -> &'static str {
    match goal.good {
        Good::AtLeast => ">=",
        Good::AtMost => "<=",
    }
}

/// Three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
