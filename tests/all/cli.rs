//! The command line: settings in their order, errors that help, and the way from the demo shop to files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the real binary in a folder, with nothing of the caller's settings.
fn shopkeeper(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shopkeeper"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SHOPKEEPER_")) {
        command.env_remove(name);
    }
    command.args(args).envs(environment.iter().copied()).current_dir(folder).output().unwrap()
}

fn stdout(folder: &Path, args: &[&str]) -> String {
    let output = shopkeeper(folder, args, &[]);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn flags_go_over_the_environment_over_the_file_over_defaults() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.toml"), "[train]\nseed = 1\nkeep = 2\nsegments = 3\n[serve]\nbind = '127.0.0.1:1'\n").unwrap();
    let args = ["train", "--config", "shop.toml", "--seed", "7", "--print-settings"];
    let output = shopkeeper(folder.path(), &args, &[("SHOPKEEPER_SEED", "6"), ("SHOPKEEPER_KEEP", "5")]);
    let settings = String::from_utf8(output.stdout).unwrap();
    for line in ["seed = 7", "keep = 5", "segments = 3", "max_reject_rate = 0.05", "store = \"model-store\""] {
        assert!(settings.lines().any(|found| found == line), "no {line} in {settings}");
    }
    fs::write(folder.path().join("resolved.toml"), &settings).unwrap();
    assert_eq!(stdout(folder.path(), &["train", "--config", "resolved.toml", "--print-settings"]), settings);
    assert!(stdout(folder.path(), &["serve", "--config", "shop.toml", "--print-settings"]).contains("bind = \"127.0.0.1:1\""));
}

#[test]
fn a_command_that_fails_says_why_on_stderr_and_leaves_no_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.toml"), "[train]\nsede = 1\n").unwrap();
    fs::write(folder.path().join("torn.parquet"), "PAR1 and then nothing").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (args, code, complaint) in [
        (&["tarin"][..], 2, "unrecognized subcommand"),
        (&["train"], 2, "no purchases to train on"),
        (&["train", "--purchases", "x", "--column", "foo"], 2, "customer_id=household_id"),
        (&["export", "recommendations", "--n", "0", "--out", "x.csv"], 2, "a whole number from 1 to"),
        (&["train", "--purchases", "missing.parquet"], 1, "missing.parquet: no such file"),
        (&["train", "--purchases", "torn.parquet"], 1, "torn.parquet"),
        (&["train", "--config", "missing.toml"], 1, "Name a config file that exists"),
        (&["train", "--config", "bad.toml"], 1, "unknown field `sede`, expected one of"),
        (&["train", "--purchases", "x", "--as-of", "yesterday"], 1, "is not a time"),
        (&["serve"], 1, "no trained model here"),
        (&["export", "churn", "--out", "x.csv"], 1, "no trained model here"),
        (&["demo", "--bind", &address], 1, "cannot listen on"),
    ] {
        let output = shopkeeper(folder.path(), args, &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(error.starts_with("error: ") && error.contains(complaint), "{args:?}: {error}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn the_demo_shop_is_trained_exported_and_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| stdout(folder.path(), args);
    let report = run(&["demo", "--no-serve"]);
    assert!(report.contains("shopkeeper") && report.contains("personal_frequency") && report.contains("(now current)"), "{report}");
    let store = ["--store", "demo-shop/model-store"];
    let first = run(&[&["models", "show", "--json"][..], &store].concat());
    assert!(first.contains("\"timezone\": \"UTC\""));

    for what in ["recommendations", "churn", "segments", "rules", "customers"] {
        let file = format!("{what}.csv");
        run(&[&["export", what, "--out", &file][..], &store].concat());
        assert!(fs::read_to_string(folder.path().join(&file)).unwrap().lines().count() > 100, "{what}");
    }
    let recommendations = fs::read_to_string(folder.path().join("recommendations.csv")).unwrap();
    assert_eq!(recommendations.lines().count(), 1 + 10 * 2_080, "exactly ten items for each of 2,000 customers and 80 prospects");

    let again = ["train", "--purchases", "demo-shop/purchases.parquet", "--seed", "7", "--quiet"];
    let second = run(&[&again[..], &store].concat());
    let listed = run(&[&["models", "list"][..], &store].concat());
    assert!(listed.lines().any(|line| line.starts_with("* ") && line.contains(second.trim())), "{listed}");
    let back = run(&[&["models", "rollback"][..], &store].concat());
    assert!(back.ends_with("is current again\n") && !back.contains(second.trim()), "{back}");
    run(&[&["models", "activate", second.trim()][..], &store].concat());
}
