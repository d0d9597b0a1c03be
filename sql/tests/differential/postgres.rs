//! A PostgreSQL server of the test's own: a fresh data folder, a unix socket in it, no network.
//!
//! Owns: finding the programs, starting, stopping. Invariant: the server ends with its [`Postgres`], on a panic too.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

/// Set to 1 where a missing PostgreSQL is a failure and not a skipped test.
const REQUIRED: &str = "CAUSEWAY_REQUIRE_POSTGRES";

/// Names the socket; nothing listens on a network.
const PORT: u16 = 5432;

/// A running server.
pub(crate) struct Postgres {
    programs: Programs,
    directory: TempDir,
    server: Child,
}

/// A connection; dropping it closes it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    _driver: JoinSet<()>,
}

impl Postgres {
    /// Starts a server, or says loudly that the test is skipped where PostgreSQL is not installed.
    pub(crate) fn start_or_skip(test: &str) -> Option<Self> {
        let Some(programs) = Programs::find() else {
            let required = std::env::var(REQUIRED).is_ok_and(|value| value == "1");
            assert!(!required, "PostgreSQL is not installed, and {REQUIRED}=1");
            // Straight to the terminal: what a passing test prints is captured.
            let _ = writeln!(
                std::io::stderr(),
                "\nSKIPPED {test}: PostgreSQL is not installed (Debian: postgresql)\n"
            );
            return None;
        };
        Some(Self::start(programs))
    }

    fn start(programs: Programs) -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder");
        programs.give(directory.path());
        let data = directory.path().join("data");
        let made = programs
            .command("initdb", directory.path())
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            // What Causeway says of itself: text sorts by code point, letters are Unicode's.
            .args(["--locale=C", "--lc-ctype=C.UTF-8", "--no-sync"])
            .output()
            .expect("initdb runs");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut server = programs
            .command("postgres", directory.path())
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-p", &PORT.to_string()])
            .args(["-c", "listen_addresses="])
            .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
            .args(["-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "jit=off"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postgres runs");
        wait_until_ready(&mut server);
        Self {
            programs,
            directory,
            server,
        }
    }

    pub(crate) async fn connect(&self) -> Connection {
        let (client, connection) = tokio_postgres::Config::new()
            .host_path(self.directory.path())
            .port(PORT)
            .user("postgres")
            .dbname("postgres")
            .connect(NoTls)
            .await
            .expect("PostgreSQL accepts");
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Its end is seen by whoever waits for an answer.
            let _ = connection.await;
        });
        Connection {
            client,
            _driver: driver,
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stopped = self
            .programs
            .command("pg_ctl", self.directory.path())
            .args(["stop", "--mode=immediate", "--silent", "--pgdata"])
            .arg(self.directory.path().join("data"))
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// Reads the log until the server accepts connections; the rest of it is read and forgotten, or the server would block.
fn wait_until_ready(server: &mut Child) {
    let log = server.stderr.take().expect("a pipe");
    let mut lines = BufReader::new(log).lines();
    let mut said = Vec::new();
    for line in lines.by_ref() {
        let line = line.expect("text");
        if line.contains("database system is ready to accept connections") {
            std::thread::spawn(move || lines.for_each(drop));
            return;
        }
        said.push(line);
    }
    let _ = server.wait();
    panic!("PostgreSQL did not start: {said:?}");
}

/// Where PostgreSQL's programs are, and as whom they run: they refuse to run as root.
struct Programs {
    folder: PathBuf,
    owner: Option<(u32, u32)>,
    has_setpriv: bool,
}

impl Programs {
    fn find() -> Option<Self> {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folder = versions
            .into_iter()
            .rev()
            .map(|(_, folder)| folder)
            .chain(std::env::split_paths(&path))
            .find(|folder| {
                ["initdb", "pg_ctl", "postgres"]
                    .iter()
                    .all(|name| folder.join(name).is_file())
            })?;
        Some(Self {
            folder,
            owner: owner_when_root(),
            has_setpriv: Path::new("/usr/bin/setpriv").is_file(),
        })
    }

    /// Hands the folder to whoever the programs run as.
    fn give(&self, folder: &Path) {
        if let Some((user, group)) = self.owner {
            chown(folder, Some(user), Some(group)).expect("root may give a folder away");
        }
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let program = self.folder.join(program);
        let mut command = if self.owner.is_some() || self.has_setpriv {
            // The server also ends when this process is killed.
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "QUIT"]);
            if let Some((user, group)) = self.owner {
                command.arg(format!("--reuid={user}"));
                command.arg(format!("--regid={group}"));
                command.arg("--clear-groups");
            }
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .current_dir(folder)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", folder);
        command
    }
}

/// User and group `postgres`, when this process is root.
fn owner_when_root() -> Option<(u32, u32)> {
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    let mut number = || fields.next()?.parse().ok();
    Some((number()?, number()?))
}
