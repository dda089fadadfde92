//! The figures as JSON: every value of every round, so that others can compute what they like.

use serde_json::{Value, json};

use crate::figures::{Goal, Results, median};
use crate::table::{says, sign};

/// One workload.
pub(crate) fn workload(name: &str, title: &str, results: &Results, goals: &[Goal]) -> Value {
    let figures: Vec<Value> = results
        .all()
        .iter()
        .map(|series| {
            json!({
                "contender": series.contender.name(),
                "figure": series.label,
                "unit": series.unit,
                "median": median(&series.values),
                "rounds": series.values,
            })
        })
        .collect();
    let goals: Vec<Value> = goals
        .iter()
        .map(|goal| {
            let value = results.ratio(goal);
            let met = |mark| value.map(|value| goal.reaches(value, mark));
            json!({
                "goal": says(goal),
                "sign": sign(goal),
                "value": value,
                "must": goal.must,
                "must_met": met(goal.must),
                "aim": goal.aim,
                "aim_met": met(goal.aim),
            })
        })
        .collect();
    json!({ "name": name, "title": title, "figures": figures, "goals": goals })
}
