//! How long a page takes among a million names: fills a folder with images and files, then asks. It takes minutes and about 1 GB.
//!
//! `cargo run --release -p pentaprism-store --example million -- [NAMES] [FOLDER]`

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{
    error::Error,
    time::{Duration, Instant},
};

use pentaprism_store::{
    Change, Condition, Durability, ListQuery, NameKey, NewContent, NewName, Options, Order, Store, Tree, Update,
    search::{Direction, Field, Filter, Reach, Search},
};
use serde_json::json;

/// Names in one change.
const BATCH: u32 = 1_000;
/// Files in each folder.
const FILES: u32 = 1_000;
/// How often each question is asked; the median is told.
const TIMES: usize = 9;

fn image(number: u32) -> NameKey {
    NameKey::new("glance", "images", format!("{:08x}-0000-4000-8000-000000000000", number.wrapping_mul(2_654_435_761)))
}

async fn fill(store: &Store, tree: &Tree, names: u32) -> Result<(), Box<dyn Error>> {
    for first in (0..names / 2).step_by(BATCH as usize) {
        let mut images = Change::new();
        let mut files = Change::new();
        for number in first..(first + BATCH).min(names / 2) {
            let visibility = if number % 100 == 0 { "public" } else { "private" };
            let attributes = json!({
                "name": format!("image {number}"), "disk_format": "qcow2", "container_format": "bare", "visibility": visibility,
                "protected": false, "os_hidden": false, "min_ram": 0, "min_disk": 0, "tags": [], "properties": [],
                "checksum": format!("{number:032x}"), "os_hash_value": format!("{number:0128x}"),
            });
            let name = NewName::new(image(number), "active").owner(format!("project {}", number % 2));
            images = images.create(name.attributes(attributes).content(NewContent::Uploaded));
            files = files.put_file(tree, format!("Store/{:04}/{:08}", number / FILES, number));
        }
        store.apply(images).await?;
        store.apply(files).await?;
    }
    Ok(())
}

async fn ask<T>(what: &str, question: impl AsyncFn() -> Result<T, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        question().await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    println!("{what:58} {:10.3} ms", times[TIMES / 2].as_secs_f64() * 1_000.0);
    Ok(())
}

async fn questions(store: &Store, tree: &Tree, names: u32) -> Result<(), Box<dyn Error>> {
    let middle = image(names / 4);
    let reach = || Some(vec![Reach::Owner("project 1".into()), Reach::Attribute("visibility", "public".into())]);
    let find = async |order: Field, filters: Vec<Filter>, after: Option<String>| {
        let direction = if order == Field::Created { Direction::Descending } else { Direction::Ascending };
        let order = vec![(order, direction)];
        let search = Search { reach: reach(), filters, after, order, ..Search::new("glance", "images", 25) };
        Ok(store.search(search).await?)
    };
    ask("an image by its id", async || Ok(store.get(&middle).await?)).await?;
    ask("the newest 25 images of a project", async || find(Field::Created, vec![], None).await).await?;
    ask("25 images, half-way", async || find(Field::Created, vec![], Some(middle.key.clone())).await).await?;
    let name = || vec![Filter::Is(Field::Attribute("name"), vec!["image 4711".into()])];
    ask("an image by its name", async || find(Field::Created, name(), None).await).await?;
    ask("25 images in the order of their names", async || find(Field::Attribute("name"), vec![], None).await).await?;
    ask("25 images in the order of their sizes", async || find(Field::Size, vec![], None).await).await?;
    let page = || ListQuery::new("glance", "images", 25).order(Order::NewestFirst);
    ask("the newest 25 images of all", async || Ok(store.list(page()).await?)).await?;
    ask("a folder of 1,000 files", async || Ok(store.level(tree, "Store/0007").await?)).await?;
    ask("the folder above it", async || Ok(store.level(tree, "Store").await?)).await?;
    ask("a file by its path", async || Ok(store.file(tree, "Store/0007/00007007").await?)).await?;
    ask("all counters", async || Ok(store.statistics().await?)).await?;
    ask("a change of an image", async || {
        let update = Update::default().status("active");
        Ok(store.apply(Change::new().update(middle.clone(), Condition::EXISTS, update)).await?)
    })
    .await?;
    ask("a folder with one file, deleted", async || {
        store.apply(Change::new().put_file(tree, "Store/new/file")).await?;
        Ok(store.apply(Change::new().delete_path(tree, "Store/new")).await?)
    })
    .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let names = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let options = arguments.next().map_or_else(Options::ephemeral, Options::folder).durability(Durability::None);
    let store = Store::open(options).await?;
    let tree = Tree::new("service_fabric", "files");
    let began = Instant::now();
    if store.statistics().await?.names == 0 {
        fill(&store, &tree, names).await?;
    }
    println!("{} names, filled in {} s", store.statistics().await?.names, began.elapsed().as_secs());
    questions(&store, &tree, names).await?;
    store.close(Duration::from_mins(1)).await;
    Ok(())
}
