//! What commands write when they succeed: lines for people, objects for programs, bytes for the next in the pipe.

use std::io::Read as _;
use std::process::Stdio;

use png::{BitDepth, ColorType, Encoder};
use uuid::{Uuid, uuid};

use crate::azure_sphere_package::{USUAL_SIGNATURE, application};
use crate::commands::{User, VIEW};
use crate::support::noise;

/// 48 by 32 pixels.
pub(crate) const JPEG: &[u8] = include_bytes!("../../src/pictures/tests/fixtures/baseline.jpg");
/// One pixel.
pub(crate) const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
/// The image that [`package`] holds.
pub(crate) const IMAGE: Uuid = uuid!("2d3d1ce5-7f69-4c3b-9d4e-6b0f0a2b7c11");

/// An image package of Azure Sphere.
pub(crate) fn package() -> Vec<u8> {
    application(IMAGE, "commands", &noise(5, 4000), USUAL_SIGNATURE)
}

/// A picture of noise.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().expect("memory takes every byte");
    let pixels = noise(u64::from(width), (width * height * 3) as usize);
    writer.write_image_data(&pixels).expect("there are as many samples as the sides say");
    writer.finish().expect("memory takes every byte");
    bytes
}

/// Width and height, as the first bytes of a PNG tell them.
fn size_of(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG"), "it is no PNG");
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("a PNG has more bytes"));
    (side(16), side(20))
}

/// The rest of a line of standard output behind `prefix`.
pub(crate) fn id<'o>(output: &'o str, prefix: &str) -> &'o str {
    let line = output.strip_suffix('\n').filter(|line| !line.contains('\n'));
    line.and_then(|line| line.strip_prefix(prefix)).unwrap_or_else(|| panic!("no {prefix} in {output:?}"))
}

#[test]
fn glance() {
    let user = User::new();
    let bytes = noise(1, 100_000);
    user.file("disk.raw", &bytes);
    let copied = user.told(&["cp", "disk.raw", "glance:disk"]);
    let image = id(&copied.output, "glance:").to_owned();
    assert!(Uuid::try_parse(&image).is_ok(), "{copied:?}");
    assert!(copied.errors.contains("disk.raw -> glance:disk: 97.7 KiB\n"), "{copied:?}");
    assert!(copied.errors.contains("disk.raw -> glance:disk: done, 97.7 KiB in "), "{copied:?}");
    let quiet = user.told(&["cp", "-q", "glance:disk", "by-name.raw"]);
    assert_eq!((quiet.output.as_str(), quiet.errors.as_str()), ("", ""));
    assert!(user.read("by-name.raw") == bytes);
    let by_id = format!("glance:{image}");
    assert_eq!(user.done(&["cp", &by_id, "by-id.raw"]), "by-id.raw\n");
    assert!(user.read("by-id.raw") == bytes);
    assert_eq!(user.done(&["ls", "glance:"]), format!("97.7 KiB  {by_id}  disk\n"));
    let long = user.done(&["ls", "-l", "glance:"]);
    assert!(long.contains(" 100000 ") && long.contains("active") && long.contains("image"), "{long}");
    let [stat] = &user.json(&["stat", "glance:disk"])[..] else { panic!("one line is one image") };
    assert_eq!((stat["address"].as_str(), stat["kind"].as_str()), (Some(by_id.as_str()), Some("image")));
    assert_eq!((stat["size"].as_u64(), stat["status"].as_str()), (Some(100_000), Some("active")));
    assert!(stat["checksums"]["sha512"].is_string() && stat["details"]["disk_format"] == "raw", "{stat}");
    assert_eq!(user.done(&["wait", "glance:disk"]), format!("{by_id}\n"));
    assert_eq!(user.done(&["rm", "glance:disk"]), "glance:disk\n");
    assert_eq!(user.done(&["wait", "--gone", &by_id]), format!("{by_id}\n"));
    assert_eq!(user.done(&["ls", "glance:"]), "");
}

#[test]
fn what_glance_is_told_of_an_image() {
    let user = User::new();
    user.file("debian.qcow2", b"content");
    let told = ["--name", "a name: with/all", "--property", "os_distro=debian", "--visibility", "private"];
    user.done(&[&["cp", "debian.qcow2", "glance:"][..], &told].concat());
    user.done(&["cp", "--disk-format", "iso", "--container-format", "ovf", "debian.qcow2", "glance:second"]);
    let of = |name: &str| user.json(&["ls", "--name", name, "glance:"]).remove(0)["details"].take();
    let (first, second) = (of("a name: with/all"), of("second"));
    let members = |image: &serde_json::Value| {
        ["disk_format", "container_format", "os_distro", "visibility"]
            .map(|name| image[name].as_str().map(str::to_owned))
    };
    let texts = |texts: [Option<&str>; 4]| texts.map(|text| text.map(str::to_owned));
    assert_eq!(members(&first), texts([Some("qcow2"), Some("bare"), Some("debian"), Some("private")]));
    assert_eq!(members(&second), texts([Some("iso"), Some("ovf"), None, Some("shared")]));
    let sorted = user.done(&["ls", "--sort", "name:desc", "--limit", "1", "glance:"]);
    assert!(sorted.lines().count() == 1 && sorted.contains("  second\n"), "{sorted}");
}

#[test]
fn service_fabric() {
    let user = User::new();
    let bytes = noise(2, 3000);
    user.file("app.zip", &bytes);
    assert_eq!(user.done(&["cp", "app.zip", "sf:Store/app.zip"]), "sf:Store/app.zip\n");
    assert_eq!(user.done(&["cp", "app.zip", "sf:Store/"]), "sf:Store/app.zip\n");
    assert_eq!(user.done(&["ls", "sf:"]), "sf:Store\n");
    assert_eq!(user.done(&["ls", "-r", "sf:"]), "      -  sf:Store\n2.9 KiB  sf:Store/app.zip\n");
    let [file] = &user.json(&["stat", "sf:Store/app.zip"])[..] else { panic!("one line is one file") };
    assert_eq!((file["kind"].as_str(), file["size"].as_u64()), (Some("file"), Some(3000)));
    let [event] = &user.json(&["cp", "sf:Store/app.zip", "back"])[..] else { panic!("one copy is one event") };
    let expected = serde_json::json!({
        "event": "copied", "source": "sf:Store/app.zip", "target": "back", "bytes": 3000, "verified": "size",
    });
    assert_eq!(*event, expected);
    assert!(user.read("back") == bytes);
    assert_eq!(user.json(&["wait", "sf:Store/app.zip"])[0]["event"], "ready");
    let [removed] = &user.json(&["rm", "sf:Store/app.zip"])[..] else { panic!("one file is one event") };
    assert_eq!(*removed, serde_json::json!({ "event": "removed", "address": "sf:Store/app.zip" }));
    assert_eq!(user.json(&["wait", "--gone", "sf:Store/app.zip"])[0]["event"], "gone");
}

#[test]
fn azure_sphere() {
    let user = User::new();
    let bytes = package();
    user.file("app.imagepackage", &bytes);
    let copied = user.done(&["cp", "app.imagepackage", "sphere:"]);
    let address = format!("sphere:{IMAGE}");
    assert_eq!(copied, format!("{address}\n"));
    let [stat] = &user.json(&["stat", &address])[..] else { panic!("one line is one image") };
    assert_eq!((stat["address"].as_str(), stat["name"].as_str()), (Some(address.as_str()), Some("commands")), "{stat}");
    assert_eq!(user.done(&["wait", &address]), format!("{address}\n"));
    user.done(&["cp", &address, "back"]);
    assert!(user.read("back") == bytes);
    let [again] = &user.json(&["cp", "--no-wait", "app.imagepackage", "sphere:"])[..] else { panic!("one event") };
    assert_eq!(again["event"], "copied");
}

#[test]
fn saved_views() {
    let user = User::new();
    let bytes = picture(900, 600);
    user.file("view.png", &bytes);
    let (view, thumbnail) = (format!("views:{VIEW}"), format!("views:{VIEW}/thumbnail"));
    assert_eq!(user.json(&["stat", &view])[0]["status"], "without picture");
    assert_eq!(user.done(&["cp", "view.png", &view]), format!("{view}\n"));
    assert_eq!(user.json(&["stat", &view])[0]["status"], "with picture");
    assert_eq!(user.done(&["ls", "views:"]), format!("{view}  Default view\n"));
    user.done(&["cp", &view, "back.png"]);
    assert!(user.read("back.png") == bytes);
    user.done(&["cp", &thumbnail, "."]);
    assert_eq!(size_of(&user.read(&format!("{VIEW}-thumbnail.png"))), (400, 267));
    assert_eq!(user.done(&["wait", &view]), format!("{view}\n"));
    let removed = user.told(&["rm", "-r", &view]);
    assert_eq!((removed.code, removed.output), (Some(0), format!("{view}\n")));
    assert!(removed.errors.contains("with its picture"), "{}", removed.errors);
    assert_eq!(user.done(&["wait", "--gone", &view]), format!("{view}\n"));
}

#[test]
fn pingone() {
    let user = User::new();
    user.file("ünï code.jpg", JPEG);
    let copied = user.done(&["cp", "ünï code.jpg", "pingone:"]);
    let address = format!("pingone:{}", id(&copied, "pingone:"));
    let [stat] = &user.json(&["stat", &address])[..] else { panic!("one line is one picture") };
    assert_eq!(stat["mediaType"], "image/jpeg", "{stat}");
    assert_eq!((stat["width"].as_u64(), stat["height"].as_u64()), (Some(48), Some(32)), "{stat}");
    // The server keeps of a name what is plain in a link.
    assert_eq!(stat["name"], "_n__code.jpg", "{stat}");
    std::fs::create_dir(user.work().join("folder")).expect("the folder is made");
    assert_eq!(user.done(&["cp", &address, "folder"]), "folder/_n__code.jpg\n");
    assert_eq!(user.done(&["wait", &address]), format!("{address}\n"));
    assert_eq!(user.done(&["rm", &address]), format!("{address}\n"));
    assert_eq!(user.done(&["wait", "--gone", &address]), format!("{address}\n"));
}

#[test]
fn pictures_become_png_on_the_way() {
    let user = User::new();
    let view = format!("views:{VIEW}");
    for (name, bytes, size) in [("a.jpg", JPEG, (48, 32)), ("b.gif", GIF, (1, 1))] {
        user.file(name, bytes);
        let copied = user.done(&[
            "cp",
            "--media-type",
            &format!("image/{}", if name == "a.jpg" { "jpeg" } else { "gif" }),
            name,
            "pingone:",
        ]);
        let address = format!("pingone:{}", id(&copied, "pingone:"));
        user.fails(&["cp", &address, &view], 2, "usage", "no whole PNG").has_hint();
        assert_eq!(user.done(&["cp", "--to-png", &address, &view]), format!("{view}\n"));
        let back = format!("{name}.png");
        user.done(&["cp", &view, &back]);
        assert_eq!(size_of(&user.read(&back)), size);
    }
    user.fails(&["cp", "--to-png", "nothing-of-a-picture", &view], 12, "local", "cannot be");
    user.file("text", b"no picture");
    user.fails(&["cp", "--to-png", "text", &view], 2, "usage", "cannot be turned into PNG").has_hint();
}

#[test]
fn bytes_pass_through_pipes() {
    let user = User::new();
    let bytes = noise(3, 3 << 20);
    for target in ["glance:piped", "sf:Store/piped"] {
        let told = user.told_with(&["cp", "-", target], &bytes);
        assert_eq!(told.code, Some(0), "{told:?}");
        let mut command = user.command(&["cp", "--json", target, "-"]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the program starts");
        assert!(output.status.success() && output.stdout == bytes, "{target}");
        let event: serde_json::Value = serde_json::from_slice(&output.stderr).expect("the event is beside the bytes");
        assert_eq!((event["event"].as_str(), event["target"].as_str()), (Some("copied"), Some("-")));
    }
    let told = user.told_with(&["cp", "-", "sphere:"], &package());
    assert_eq!(told.output, format!("sphere:{IMAGE}\n"), "{told:?}");
    let told = user.told_with(&["cp", "-", &format!("views:{VIEW}")], &picture(20, 10));
    assert_eq!(told.code, Some(0), "{told:?}");
    let told = user.told_with(&["cp", "--file-name", "piped.jpg", "-", "pingone:"], JPEG);
    assert_eq!(user.json(&["stat", told.output.trim()])[0]["name"], "piped.jpg", "{told:?}");
}

/// As `head` does: whoever reads may go when it has enough, and nothing is said about it.
#[test]
fn a_reader_that_goes_ends_the_command_quietly() {
    let user = User::new();
    user.long_file("long", 32);
    user.done(&["cp", "long", "sf:long"]);
    let mut command = user.command(&["cp", "-q", "sf:long", "-"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut output = child.stdout.take().expect("it is a pipe");
    output.read_exact(&mut [0; 1000]).expect("the first bytes come");
    drop(output);
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(141), &b""[..]));
}

#[test]
fn between_services() {
    let user = User::new();
    let bytes = noise(4, 200_000);
    user.file("disk.raw", &bytes);
    user.file("a.png", &picture(30, 20));
    user.file("app.imagepackage", &package());
    user.done(&["cp", "disk.raw", "glance:disk"]);
    let view = format!("views:{VIEW}");
    let pairs = [("glance:disk", "sf:Images/"), ("sf:Images/disk", "sf:Other/disk"), ("sf:Other/disk", "glance:copy")];
    for (from, to) in pairs {
        user.done(&["cp", "--verify", from, to]);
    }
    user.done(&["cp", "glance:copy", "back.raw"]);
    assert!(user.read("back.raw") == bytes);
    user.done(&["cp", "app.imagepackage", "sf:Images/app"]);
    assert_eq!(user.done(&["cp", "sf:Images/app", "sphere:"]), format!("sphere:{IMAGE}\n"));
    user.done(&["cp", &format!("sphere:{IMAGE}"), "glance:package"]);
    user.done(&["cp", "glance:package", "back.imagepackage"]);
    assert!(user.read("back.imagepackage") == package());
    user.done(&["cp", "a.png", "sf:Images/a.png"]);
    user.done(&["cp", "sf:Images/a.png", &view]);
    let copied = user.done(&["cp", &view, "pingone:"]);
    let address = format!("pingone:{}", id(&copied, "pingone:"));
    assert_eq!(user.json(&["stat", &address])[0]["mediaType"], "image/png");
    user.done(&["cp", &address, "sf:Images/b.png"]);
    assert_eq!(user.done(&["cp", "sf:Images/a.png", "sf:Images/b.png", "sf:Both/"]).lines().count(), 2);
    user.done(&["cp", "sf:Both/b.png", "b.png"]);
    assert_eq!(size_of(&user.read("b.png")), (30, 20));
}

#[test]
fn doctor_tells_of_each_api() {
    let user = User::new();
    let told = user.done(&["doctor", "--write"]);
    assert!(!told.contains("failed ") && told.lines().filter(|line| line.starts_with("ok ")).count() >= 12, "{told}");
    let checks = user.json(&["doctor"]);
    for check in ["token", "connection", "glance", "sphere", "views", "pingone", "sf"] {
        let found = checks.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("no {check}"));
        assert_eq!((found["event"].as_str(), found["outcome"].as_str()), (Some("checked"), Some("ok")), "{found}");
    }
    assert_eq!(user.done(&["ls", "glance:"]) + &user.done(&["ls", "sf:"]), "", "what it wrote is gone");
    assert_eq!(user.done(&["doctor", "-q"]), "", "there is nothing to do");
}
