//! The sound player with real programs.

use std::sync::Arc;

use facegate::clock::SystemClock;
use facegate::hal::Player;
use facegate::hal::linux::player::ProgramPlayer;

/// Bytes of a WAV header as short as ours.
const HEADER: usize = 44;

fn player(command: &[&str]) -> ProgramPlayer {
    ProgramPlayer::new(command.iter().map(|&part| part.to_owned()).collect(), Arc::new(SystemClock::default()))
}

#[test]
fn the_program_gets_the_file_and_its_failure_is_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let (sound, heard) = (folder.path().join("a.wav"), folder.path().join("heard"));
    let mut bytes = vec![0; HEADER];
    bytes.extend(1000_i16.to_le_bytes());
    std::fs::write(&sound, &bytes).unwrap();
    std::fs::create_dir(&heard).unwrap();
    let target = format!("--target-directory={}", heard.display());
    player(&["cp", &target]).play(&sound, 100).unwrap();
    assert_eq!(std::fs::read(heard.join("a.wav")).unwrap(), bytes);
    player(&["cp", &target]).play(&sound, 50).unwrap();
    let softened = std::fs::read_dir(&heard).unwrap().map(|entry| entry.unwrap().path());
    let softened = softened.filter(|path| !path.ends_with("a.wav")).map(|path| std::fs::read(path).unwrap());
    assert_eq!(softened.map(|bytes| bytes[HEADER..].to_vec()).collect::<Vec<_>>(), [250_i16.to_le_bytes()]);
    assert!(player(&["false"]).play(&sound, 50).unwrap_err().detail.contains("exit status: 1"));
    assert!(player(&["no-such-player"]).play(&sound, 50).unwrap_err().detail.contains("no-such-player"));
    assert!(player(&["no-such-player"]).probe().unwrap_err().detail.contains("install"));
    player(&["false"]).play(&sound, 0).unwrap();
}
