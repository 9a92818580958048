//! Work that no answer should wait for, such as loading another model or writing a whole list: on threads of its own that give way to those that answer.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How far these threads stand back: with both wanting a core, some tenth of it is theirs.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Makes the calling thread give way for good. Where the system cannot, it goes on as it was.
fn give_way() {
    // for Linux, "this process" is this thread
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

/// Does work that may spread over the threads of rayon on one thread that gives way, and waits for it.
pub(super) fn wait_for<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(1).start_handler(|_| give_way()).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// Starts work on a thread that gives way.
pub(super) fn start(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let beside = thread::Builder::new().name("background".into());
    beside.spawn(move || {
        give_way();
        work();
    })?;
    Ok(())
}

/// Drops what answers may still hold once the last of them has let go of it, so that none of them has to take it apart.
pub(super) fn let_go<T: Send + Sync + 'static>(shared: Arc<T>) {
    // without a thread it is dropped here or by whoever holds it
    let _ = start(move || {
        while Arc::strong_count(&shared) > 1 {
            thread::sleep(Duration::from_millis(100));
        }
    });
}
