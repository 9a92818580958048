//! The model store: nothing damaged is ever served, and versions switch whole.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use shopkeeper_models::Model;
use shopkeeper_models::manifest::{FORMAT_VERSION, OLDEST_READABLE};
use shopkeeper_models::recommender::{Query, Scratch};
use shopkeeper_models::store::ModelStore;

use crate::shop::{self, checkerboard, complaint, shopkeeper};

/// Format 4, made by `.ci/golden`.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden");

fn golden_version() -> PathBuf {
    let store = ModelStore::new(GOLDEN);
    store.path(&store.current().expect("a golden version"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("readable").flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("space on the disk");
    }
}

#[test]
fn the_golden_version_still_opens_and_answers() {
    let model = Model::load(&golden_version()).expect("every format that was ever written stays readable");
    let mut scratch = Scratch::default();
    for customer in (0..model.customers.len() as u32).map(shopkeeper_models::CustomerIx) {
        let answer = model.recommender.recommend(&Query { customer: Some(customer), n: 5, ..Query::default() }, &mut scratch);
        assert_eq!(answer.items.len(), 5);
    }
    let expected = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden-answers.csv")).expect("in the tree");
    let out = tempfile::tempdir().expect("a temporary folder");
    let file = out.path().join("answers.csv");
    shopkeeper().args(["export", "recommendations", "--n", "3", "--store", GOLDEN, "--out"]).arg(&file).assert().success();
    assert_eq!(fs::read_to_string(file).expect("written"), expected);
}

#[test]
fn any_flipped_byte_is_refused_by_name() {
    let golden = golden_version();
    let version = golden.file_name().expect("a name").to_owned();
    for entry in fs::read_dir(&golden).expect("readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = fs::read(entry.path()).expect("readable");
        let wrong: Vec<String> = (0..bytes.len())
            .into_par_iter()
            // of long files every seventh byte: each flip reads the whole folder again
            .step_by(if bytes.len() > 8_192 { 7 } else { 1 })
            .with_min_len(512)
            .map_init(
                || {
                    let folder = tempfile::tempdir().expect("a temporary folder");
                    let copied = folder.path().join(&version);
                    copy(&golden, &copied);
                    let file = fs::File::options().write(true).open(copied.join(&name)).expect("writable");
                    (folder, copied, file)
                },
                |(_folder, copied, file), at| {
                    let refused = {
                        file.write_all_at(&[bytes[at] ^ (1 << (at % 8))], at as u64).expect("writable");
                        Model::load(copied)
                    };
                    file.write_all_at(&[bytes[at]], at as u64).expect("writable");
                    match refused {
                        Ok(_) => Some(format!("{name}: byte {at} flipped and still loaded")),
                        Err(error) if !error.to_string().contains(&name) => Some(format!("{name}: byte {at}: {error}")),
                        Err(_) => None,
                    }
                },
            )
            .flatten()
            .collect();
        assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), bytes.len(), wrong[0]);
    }
}

#[test]
fn another_format_is_refused_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let golden = golden_version();
    let copied = folder.path().join(golden.file_name().expect("a name"));
    copy(&golden, &copied);
    for format in [OLDEST_READABLE - 1, FORMAT_VERSION + 1] {
        fs::write(copied.join("manifest.json"), format!("{{\"format\": {format}}}")).expect("space on the disk");
        let error = Model::load(&copied).expect_err("not readable").to_string();
        assert!(error.contains(&format!("format {format}")) && error.contains("manifest.json"), "{error}");
    }
}

#[test]
fn missing_and_truncated_files_are_refused_by_name() {
    let golden = golden_version();
    for entry in fs::read_dir(&golden).expect("readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copied = folder.path().join(golden.file_name().expect("a name"));
        copy(&golden, &copied);
        let bytes = fs::read(entry.path()).expect("readable");
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(copied.join(&name), &bytes[..length]).expect("space on the disk");
            assert!(Model::load(&copied).expect_err("truncated").to_string().contains(&name));
        }
        fs::remove_file(copied.join(&name)).expect("removable");
        assert!(Model::load(&copied).expect_err("missing").to_string().contains(&name));
    }
}

#[test]
fn activate_and_rollback_walk_the_versions() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &checkerboard(20, 8, 90));
    let first = shop::train(&purchases, &store, &[]);
    let said = complaint(shopkeeper().args(["models", "rollback", "--store"]).arg(&store));
    assert!(said.contains("none to roll back to"), "{said}");
    let second = shop::train(&purchases, &store, &["--seed", "7"]);
    assert_ne!(first, second);
    shopkeeper().args(["models", "rollback", "--store"]).arg(&store).assert().success();
    assert_eq!(shop::current(&store), first);
    shopkeeper().args(["models", "activate", &second, "--store"]).arg(&store).assert().success();
    assert_eq!(shop::current(&store), second);
    let said = complaint(shopkeeper().args(["models", "activate", "2001-01-01-nothere", "--store"]).arg(&store));
    assert!(said.contains("2001-01-01-nothere") && said.contains(&first), "{said}");
    // a damaged version is not activated
    fs::write(store.join(&first).join("items.arrow"), b"gone").expect("space on the disk");
    let said = complaint(shopkeeper().args(["models", "activate", &first, "--store"]).arg(&store));
    assert!(said.contains("items.arrow"), "{said}");
    assert_eq!(shop::current(&store), second);
}

#[test]
fn only_so_many_versions_are_kept_and_never_the_current_one_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &checkerboard(20, 8, 90));
    for seed in ["1", "2", "3", "4"] {
        shop::train(&purchases, &store, &["--seed", seed, "--keep", "2"]);
    }
    let versions = ModelStore::new(&store).versions().expect("readable");
    assert_eq!(versions.len(), 2);
    assert!(versions.contains(&shop::current(&store)));
}

#[test]
fn what_a_killed_run_left_is_swept_and_a_damaged_version_is_listed_as_such() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &checkerboard(20, 8, 90));
    // no process has this number: it is beyond the largest one
    fs::create_dir_all(store.join(".staging-99999999-0")).expect("a folder");
    let version = shop::train(&purchases, &store, &[]);
    assert!(!store.join(".staging-99999999-0").exists());
    fs::remove_file(store.join(&version).join("items.arrow")).expect("removable");
    let listed = ModelStore::new(&store).list().expect("readable");
    assert!(listed[0].manifest.as_ref().expect_err("damaged").contains("items.arrow"));
}
