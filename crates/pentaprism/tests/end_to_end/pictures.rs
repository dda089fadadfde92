//! Pictures that others made, as Debian's packages have them, with Pillow as the reader that is not ours: the `PngSuite` with every
//! colour type, depth and interlacing and with its corrupted files, what cameras write before their pictures, and the
//! JPEGs and GIFs of the tests of Go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clients::{installed, scripts};
use crate::support::{Fresh, client, packaged, succeed};

/// The `PngSuite`, and one larger picture in many formats.
const EXAMPLES: &str = "/usr/share/doc/libsixel-examples/examples/images";
/// The first bytes of pictures of some fifty cameras, and a few whole ones.
const CAMERAS: &str = "/usr/share/gocode/src/github.com/rwcarlsen/goexif/exif";
const PICTURES: [&str; 12] = ["png", "jpg", "jpeg", "gif", "bmp", "tga", "tiff", "six", "pbm", "pgm", "ppm", "exif"];

#[test]
fn pingone_says_of_pictures_what_they_are() {
    let (Some(examples), Some(cameras), Some(go)) = (packaged(EXAMPLES), packaged(CAMERAS), go()) else { return };
    let fresh = Fresh::start();
    let mut files = pictures(&examples);
    files.extend(pictures(&cameras));
    files.extend(pictures(&go));
    let counted = upload(&["pingone", &fresh.server.url()], &files);
    for (what, least) in [("png", 170), ("jpg", 80), ("gif", 6), ("refused", 60), ("with a thumbnail inside", 40)] {
        assert!(counted.get(what).is_some_and(|times| *times >= least), "fewer than {least} {what}: {counted:?}");
    }
}

#[test]
fn saved_views_makes_thumbnails_of_every_kind_of_png() {
    let Some(examples) = packaged(EXAMPLES) else { return };
    let files = pictures(&examples);
    // The pictures of the `PngSuite` have 32 by 32 pixels.
    let fresh = Fresh::start_with(&[("PENTAPRISM_SAVED_VIEWS_THUMBNAIL_PIXELS", "16")]);
    let counted = upload(&["saved_views", &fresh.server.url(), "16"], &files);
    for (what, least) in [("reduced", 140), ("refused", 25), ("their own thumbnail", 15)] {
        assert!(counted.get(what).is_some_and(|times| *times >= least), "fewer than {least} {what}: {counted:?}");
    }
    let fresh = Fresh::start();
    let counted = upload(&["saved_views", &fresh.server.url(), "400"], &files);
    assert!(counted.get("reduced").is_some_and(|times| *times >= 6), "fewer than 6 are reduced: {counted:?}");
}

/// Lets Pillow compare. Returns how many pictures there were of each kind.
fn upload(arguments: &[&str], files: &[PathBuf]) -> BTreeMap<String, u32> {
    let mut python = Command::new(installed().join("bin/python"));
    python.arg(scripts().join("pictures.py")).args(arguments).args(files);
    let printed = succeed(&mut python);
    let counts = printed.lines().filter_map(|line| line.rsplit_once(": "));
    counts.map(|(what, times)| (what.to_owned(), times.parse().expect("a count is a number"))).collect()
}

/// The folder with the pictures of Go's own tests. Its PNGs are the `PngSuite` again.
fn go() -> Option<PathBuf> {
    let root = succeed(Command::new(client("go")?).args(["env", "GOROOT"]));
    packaged(&format!("{}/src/image/testdata", root.trim()))
}

/// All pictures in a folder and those below it.
fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(pictures(&path));
        } else if path.extension().is_some_and(|ending| PICTURES.iter().any(|picture| ending == *picture)) {
            found.push(path);
        }
    }
    found.sort();
    found
}
