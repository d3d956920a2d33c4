use super::*;

fn git(root: &Path, args: &[&str]) {
    let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let done = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(who)
        .args(args)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// A repository with one committed snapshot.
fn repository() -> tempfile::TempDir {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir(room.path().join("snapshots")).unwrap();
    fs::write(room.path().join("snapshots/a.snap"), "old").unwrap();
    git(room.path(), &["init", "-q"]);
    git(room.path(), &["add", "."]);
    git(room.path(), &["commit", "-qm", "begin"]);
    room
}

fn open(room: &Path, force: bool) -> Result<Tree, TreeError> {
    let writes = [PathBuf::from("snapshots"), PathBuf::from("a.json")];
    Tree::open(room, room.join(".git/kept.json"), &writes, force)
}

#[test]
fn what_is_not_committed_is_not_overwritten() {
    let room = repository();
    fs::write(room.path().join("elsewhere"), "mine").unwrap();
    assert!(
        open(room.path(), false).is_ok(),
        "what isn't written doesn't matter"
    );
    fs::write(room.path().join("snapshots/a.snap"), "mine").unwrap();
    let error = open(room.path(), false).unwrap_err().to_string();
    assert!(
        error.ends_with("would be overwritten: `snapshots/a.snap`"),
        "{error}"
    );
    assert!(open(room.path(), true).is_ok());
}

#[test]
fn what_it_wrote_itself_is_its_own_until_somebody_changes_it() {
    let room = repository();
    let mut tree = open(room.path(), false).unwrap();
    assert_eq!(tree.write(Path::new("a.json"), "1").unwrap(), Wrote::New);
    assert_eq!(tree.write(Path::new("a.json"), "1").unwrap(), Wrote::Same);
    let mut tree = open(room.path(), false).unwrap();
    assert_eq!(
        tree.write(Path::new("a.json"), "2").unwrap(),
        Wrote::Changed
    );
    fs::write(room.path().join("a.json"), "theirs").unwrap();
    assert!(open(room.path(), false).is_err());
}

#[test]
fn recording_can_be_interrupted() {
    let room = repository();
    let mut tree = open(room.path(), false).unwrap();
    let before = tree.snapshots().unwrap();
    tree.record().unwrap();
    fs::write(room.path().join("snapshots/a.snap"), "new").unwrap();
    let mut tree = open(room.path(), false).unwrap();
    tree.recorded(&before).unwrap();
    assert_eq!(tree.recorded_snapshots(), 1);
    assert!(open(room.path(), false).is_ok());
    fs::write(room.path().join("snapshots/a.snap"), "theirs").unwrap();
    assert!(open(room.path(), false).is_err());
}

#[test]
fn what_is_frozen_stays() {
    let room = repository();
    let frozen = Path::new("requirements.yaml");
    fs::write(room.path().join(frozen), "old").unwrap();
    let mut tree = open(room.path(), false).unwrap();
    assert_eq!(tree.write_frozen(frozen, "new").unwrap(), Wrote::Frozen);
    assert_eq!(tree.write_frozen(frozen, "old").unwrap(), Wrote::Same);
    let mut tree = open(room.path(), true).unwrap();
    assert_eq!(tree.write_frozen(frozen, "new").unwrap(), Wrote::Changed);
}

#[test]
fn outside_of_a_repository_there_is_nothing_to_ask() {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir(room.path().join("snapshots")).unwrap();
    let kept = room.path().join("kept.json");
    assert!(Tree::open(room.path(), kept, &["snapshots".into()], false).is_ok());
}
