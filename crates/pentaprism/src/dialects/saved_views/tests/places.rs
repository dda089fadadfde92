//! Tests of the places that are held.

use super::*;

fn place(name: &str, id: usize) -> Place {
    Place { display_name: name.to_owned(), id: format!("{id:03}") }
}

/// All places, found in stretches of a certain length, when they are seen in a certain order.
fn walked(seen: &[Place], most: usize, most_bytes: usize) -> Vec<Place> {
    let (mut found, mut behind) = (Vec::new(), None);
    loop {
        let mut stretch = Stretch::new(behind, most, most_bytes);
        for place in seen {
            stretch.add(place.clone());
            assert!(stretch.held.len() <= most);
            assert!(stretch.bytes <= most_bytes || stretch.held.len() == 1);
            assert_eq!(stretch.bytes, stretch.held.iter().map(Place::bytes).sum::<usize>());
        }
        behind = stretch.held.last().cloned();
        found.extend(stretch.held);
        if stretch.end.is_none() {
            return found;
        }
    }
}

#[test]
fn stretches_are_the_whole_in_its_order() {
    // 61 and 100 have no common divisor, so that the order of the walk is not that of the list.
    let seen: Vec<Place> = (0..100).map(|at| place(&"n".repeat(at * 61 % 100 / 3), at * 61 % 100)).collect();
    let mut expected = seen.clone();
    expected.sort();
    for (most, most_bytes) in [(1, 1000), (7, 100_000), (100, 500), (1000, 1), (1000, 100_000)] {
        assert_eq!(walked(&seen, most, most_bytes), expected, "{most} {most_bytes}");
    }
}

#[test]
fn what_did_not_fit_ends_the_stretch_for_good() {
    let mut stretch = Stretch::new(None, 10, place("long", 1).bytes() * 2);
    let names = ["b", "a", "a long one that needs more than the others have to give each other", "aa"];
    names.iter().enumerate().for_each(|(id, name)| stretch.add(place(name, id)));
    let held: Vec<_> = stretch.held.iter().map(|place| place.display_name.as_str()).collect();
    assert_eq!((held, stretch.end.map(|end| end.display_name.len())), (vec!["a"], Some(names[2].len())));
}
