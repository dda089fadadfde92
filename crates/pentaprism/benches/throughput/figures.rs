//! What a turn measured, and what is wanted of it.

use crate::contender::Contender;

/// One number of one turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// What it says, such as `rate`.
    pub(crate) label: &'static str,
    /// In which unit.
    pub(crate) unit: &'static str,
    /// The number.
    pub(crate) value: f64,
}

impl Figure {
    /// A number.
    pub(crate) const fn new(label: &'static str, unit: &'static str, value: f64) -> Self {
        Self { label, unit, value }
    }
}

/// What the main figure of a throughput is called.
pub(crate) const RATE: &str = "rate";
/// The same with what was owed to the disk paid.
pub(crate) const OWED: &str = "rate, sync owed";
/// The latency that half of the requests did not exceed.
pub(crate) const HALF: &str = "p50";
/// The latency that 99 of 100 requests did not exceed.
pub(crate) const TAIL: &str = "p99";
/// The most memory of the process.
pub(crate) const PEAK: &str = "peak memory";
/// Processor time of the process for a unit of work.
pub(crate) const PROCESSOR: &str = "processor";

/// What a figure of ours is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside {
    /// A figure of another contender in the same round.
    Contender(Contender, &'static str),
    /// Another figure of ours in the same round.
    Own(&'static str),
    /// A number that was measured elsewhere, and where.
    Known(f64, &'static str),
    /// Nothing: the goal is in the figure's own unit.
    Nothing,
}

/// Which side of a goal is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Good {
    /// Values from the goal up.
    AtLeast,
    /// Values down from the goal.
    AtMost,
}

/// What a workload has to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// The figure of ours.
    pub(crate) label: &'static str,
    /// What it is held against.
    pub(crate) beside: Beside,
    /// Which side is good.
    pub(crate) good: Good,
    /// What it has to reach.
    pub(crate) must: f64,
    /// What would be fine.
    pub(crate) aim: f64,
}

impl Goal {
    /// A rate that is to be at least so much of another one.
    pub(crate) const fn rate(contender: Contender, label: &'static str, must: f64, aim: f64) -> Self {
        Self { label: RATE, beside: Beside::Contender(contender, label), good: Good::AtLeast, must, aim }
    }

    /// A figure that is to be at most so much, in its own unit.
    pub(crate) const fn at_most(label: &'static str, must: f64, aim: f64) -> Self {
        Self { label, beside: Beside::Nothing, good: Good::AtMost, must, aim }
    }

    /// Whether a value reaches a mark.
    pub(crate) fn reaches(&self, value: f64, mark: f64) -> bool {
        match self.good {
            Good::AtLeast => value >= mark,
            Good::AtMost => value <= mark,
        }
    }
}

/// What one contender measured over all rounds: a value per round for each figure.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Whose.
    pub(crate) contender: Contender,
    /// What it says.
    pub(crate) label: &'static str,
    /// In which unit.
    pub(crate) unit: &'static str,
    /// One for each round.
    pub(crate) values: Vec<f64>,
}

/// All figures of a workload.
#[derive(Debug, Default)]
pub(crate) struct Results(Vec<Series>);

impl Results {
    /// Adds what a turn measured.
    pub(crate) fn add(&mut self, contender: Contender, figures: Vec<Figure>) {
        for Figure { label, unit, value } in figures {
            match self.0.iter_mut().find(|series| series.contender == contender && series.label == label) {
                Some(series) => series.values.push(value),
                None => self.0.push(Series { contender, label, unit, values: vec![value] }),
            }
        }
    }

    /// All of them, in the order in which they came.
    pub(crate) fn all(&self) -> &[Series] {
        &self.0
    }

    /// The median of a figure over the rounds, with its unit; none when it was not measured.
    pub(crate) fn median(&self, contender: Contender, label: &str) -> Option<(f64, &'static str)> {
        let found = self.0.iter().find(|series| series.contender == contender && series.label == label)?;
        Some((median(&found.values), found.unit))
    }

    fn values(&self, contender: Contender, label: &str) -> Option<&[f64]> {
        let found = self.0.iter().find(|series| series.contender == contender && series.label == label)?;
        Some(&found.values)
    }

    /// What a goal is about: the median over the rounds of the ratio within each; none when the other one did not take part.
    pub(crate) fn ratio(&self, goal: &Goal) -> Option<f64> {
        let ours = self.values(Contender::Ours, goal.label)?;
        let ratios: Vec<f64> = match goal.beside {
            Beside::Contender(contender, label) => divide(ours, self.values(contender, label)?),
            Beside::Own(label) => divide(ours, self.values(Contender::Ours, label)?),
            Beside::Known(known, _) => ours.iter().map(|ours| ours / known).collect(),
            Beside::Nothing => ours.to_vec(),
        };
        (!ratios.is_empty()).then(|| median(&ratios))
    }
}

fn divide(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut ascending = values.to_vec();
    ascending.sort_by(f64::total_cmp);
    let middle = ascending.len() / 2;
    if ascending.len() % 2 == 1 { ascending[middle] } else { f64::midpoint(ascending[middle - 1], ascending[middle]) }
}
