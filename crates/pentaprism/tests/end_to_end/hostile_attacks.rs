//! Uploads that mean harm, of every kind that a handler takes apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use uuid::uuid;

use crate::azure_sphere_package::{COMPONENT, LONG_SIGNATURE, USUAL_SIGNATURE, application, package, section};
use crate::hostile_pictures::{bombs, huge_gif, huge_jpeg, small_gif, small_png};
use crate::hostile_wire::{Attack, Sent, Target};

const JPEG: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pictures/tests/fixtures/baseline.jpg"));
const PROGRESSIVE: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pictures/tests/fixtures/progressive.jpg"));

/// The limits of a server without any configuration, in bytes.
const PACKAGE: usize = 32 << 20;
const UPDATE: usize = 10_000_000;
const VIEW: usize = 256 << 10;
const LOGO: usize = 2 << 20;

/// All of them, for a server that looks at the headers of logos only.
pub(crate) fn all() -> Vec<Attack> {
    [packages(), pictures(), logos(&[201, 400]), documents(), lengths()].concat()
}

/// The body of an image update around a picture.
pub(crate) fn update(picture: &[u8]) -> Vec<u8> {
    format!("{{\"image\":\"data:image/png;base64,{}\"}}", STANDARD.encode(picture)).into_bytes()
}

fn attack(name: impl Into<String>, target: Target, body: Vec<u8>, expected: &'static [u16]) -> Attack {
    Attack { name: name.into(), target, sent: Sent::Whole(vec![body.into()]), expected }
}

/// Every beginning of `whole`.
fn cut<'w>(whole: &'w [u8], what: &'w str) -> impl Iterator<Item = (String, Vec<u8>)> + 'w {
    (0..whole.len()).map(move |end| (format!("{what}, cut at {end}"), whole[..end].to_vec()))
}

fn packages() -> Vec<Attack> {
    let image = uuid!("00000000-0000-4000-8000-00000000bad0");
    let whole = application(image, "cut", b"-rom", USUAL_SIGNATURE);
    let refused = |name, body| attack(name, Target::Package, body, &[400]);
    let mut attacks: Vec<Attack> = cut(&whole, "a package").map(|(name, body)| refused(name, body)).collect();
    // Each four bytes replaced by a number that is as wrong as it can be.
    let from = whole.len() - 2 * USUAL_SIGNATURE;
    attacks.extend((0..whole.len() - USUAL_SIGNATURE - 3).map(|at| {
        let mut body = whole.clone();
        body[at..at + 4].fill(0xff);
        Attack { expected: &[200, 400], ..refused(format!("a package with ff at {at}"), body) }
    }));
    let identity = section(*b"ID", &[&[10, 0, 0, 0][..], &COMPONENT.to_bytes_le(), image.as_bytes()].concat());
    let odd = [
        ("no sections", package(b"-rom", 0, &[], LONG_SIGNATURE)),
        ("sections without end", package(b"-rom", u32::MAX, &identity, USUAL_SIGNATURE)),
        ("many empty sections", package(b"-rom", 15_000, &section(*b"XX", &[]).repeat(15_000), USUAL_SIGNATURE)),
        ("metadata beyond 64 KiB", package(b"-rom", 2, &[identity.clone(), vec![0; 70_000]].concat(), USUAL_SIGNATURE)),
        ("the same section again", package(b"-rom", 2, &identity.repeat(2), USUAL_SIGNATURE)),
        ("only the end of a package", whole[from..].to_vec()),
        ("zeros", vec![0; 1 << 20]),
        ("magic words", b"4X4M".repeat(1 << 18)),
    ];
    attacks.extend(odd.into_iter().map(|(name, body)| refused(name.to_owned(), body)));
    attacks
}

fn pictures() -> Vec<Attack> {
    let refused = |name, body: Vec<u8>| attack(name, Target::Picture, update(&body), &[422]);
    let mut attacks: Vec<Attack> = cut(&small_png(), "a picture").map(|(name, body)| refused(name, body)).collect();
    attacks.extend(
        bombs().into_iter().map(|(name, body)| Attack { expected: &[204, 422], ..refused(name.to_owned(), body) }),
    );
    attacks.push(refused("a JPEG as a PNG".to_owned(), JPEG.to_vec()));
    attacks.push(refused("a GIF as a PNG".to_owned(), small_gif()));
    attacks
}

/// Logos that break off, with what answers them: a server that makes PNGs of logos needs every byte.
pub(crate) fn logos(answers: &'static [u16]) -> Vec<Attack> {
    let refused = |name, body| attack(name, Target::Logo, body, answers);
    let png = small_png();
    let gif = small_gif();
    // Of a GIF the last byte says nothing but that it was the last.
    let frame = &gif[..gif.len() - 1];
    let whole = [("a JPEG", JPEG), ("a progressive JPEG", PROGRESSIVE), ("a GIF", frame), ("a logo", &png)];
    let mut attacks: Vec<Attack> = whole
        .into_iter()
        .flat_map(|(what, picture)| cut(picture, what).map(|(name, body)| refused(name, body)).collect::<Vec<_>>())
        .collect();
    attacks.extend(
        bombs()
            .into_iter()
            .filter(|(_, body)| body.len() <= LOGO)
            .map(|(name, body)| Attack { expected: &[201, 400], ..refused(format!("{name} as a logo"), body) }),
    );
    attacks.push(refused("a GIF of the largest size".to_owned(), huge_gif()));
    attacks.push(refused("a JPEG of the largest size".to_owned(), huge_jpeg(JPEG)));
    attacks.push(refused("a progressive JPEG of the largest size".to_owned(), huge_jpeg(PROGRESSIVE)));
    attacks
}

/// JSON that is long, deep, or both.
fn documents() -> Vec<Attack> {
    let filled = |before: &str, filling: &str, after: &str, length: usize| {
        let times = (length - before.len() - after.len()) / filling.len();
        [before, &filling.repeat(times), after].concat().into_bytes()
    };
    let view = "{\"iTwinId\":\"c6b0bf8d-033d-4291-9931-9b20f2135111\",\"displayName\":\"deep\",\"savedViewData\":";
    let mut attacks = Vec::new();
    for (name, before, filling, after) in [
        ("lists in lists", "", "[", ""),
        ("objects in objects", "", "{\"image\":", ""),
        ("an image in lists", "{\"image\":", "[", ""),
        ("another member in lists", "{\"image\":\"\",\"other\":", "[", ""),
        ("many members", "{\"image\":\"\"", ",\"x\":0", "}"),
        ("many escapes", "{\"image\":\"data:image/png;base64,", "\\u0041", "\"}"),
        ("many halves of characters", "{\"image\":\"", "\\ud800", "\"}"),
        ("zeros in base64", "{\"image\":\"data:image/png;base64,", "AAAA", "\"}"),
        ("nothing but blanks", "", " ", ""),
        ("a long number", "{\"image\":", "9", "}"),
        ("bytes that are no text", "{\"image\":\"", "\u{7f}", "\"}"),
    ] {
        attacks.push(attack(name, Target::Picture, filled(before, filling, after, UPDATE), &[422]));
        attacks.push(attack(name, Target::View, filled(before, filling, after, VIEW), &[422]));
    }
    for (name, filling) in [("a deep view", "{\"a\":"), ("a view in lists", "[")] {
        let body = filled(&format!("{view}{{\"itwin3dView\":"), filling, "", VIEW);
        attacks.push(attack(name, Target::View, body, &[422]));
    }
    for (name, before, filling, after) in [
        ("a view of many members", "{\"itwin3dView\":{\"a\":0", ",\"b\":[]", "}}}"),
        ("a view of many lists", "{\"itwin3dView\":{\"a\":[0", ",[]", "]}}}"),
    ] {
        let body = filled(&format!("{view}{before}"), filling, after, VIEW);
        attacks.push(attack(name, Target::View, body, &[201, 422]));
    }
    attacks
}

/// Bodies at and beyond every limit, and lengths that are not true.
fn lengths() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for (target, limit, refusal) in [
        (Target::Package, PACKAGE, &[400][..]),
        (Target::Picture, UPDATE, &[413]),
        (Target::View, VIEW, &[413]),
        (Target::Logo, LOGO, &[400]),
    ] {
        let beyond = Bytes::from(vec![b' '; limit + 1]);
        let named = |what: &str| format!("{target:?}: {what}");
        let wrong = |what, sent, expected| Attack { name: named(what), target, sent, expected };
        attacks.extend([
            wrong("one byte too many", Sent::Whole(vec![beyond.clone()]), refusal),
            wrong("one byte too many in chunks", Sent::Chunked(beyond.clone()), refusal),
            wrong("one byte too many announced", Sent::Announced(limit as u64 + 1, Bytes::new()), refusal),
            wrong("a terabyte announced", Sent::Announced(1 << 40, Bytes::new()), refusal),
            wrong("an exbibyte announced", Sent::Announced(1 << 60, beyond.slice(..1000)), refusal),
            wrong("gone after half of it", Sent::Broken(limit as u64, beyond.slice(..limit / 2)), &[]),
            wrong("gone before any of it", Sent::Broken(limit as u64, Bytes::new()), &[]),
        ]);
    }
    let largest = application(uuid!("00000000-0000-4000-8000-00000000bad1"), "largest", &[], USUAL_SIGNATURE);
    let payload = vec![7; PACKAGE - largest.len()];
    let largest = application(uuid!("00000000-0000-4000-8000-00000000bad1"), "largest", &payload, USUAL_SIGNATURE);
    attacks.push(attack("the largest package", Target::Package, largest, &[200]));
    let mut padded = update(&small_png());
    padded.resize(UPDATE, b' ');
    attacks.push(attack("the largest update", Target::Picture, padded, &[204]));
    attacks
}
