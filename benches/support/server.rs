//! A server as a process of its own, for benches.

#![allow(dead_code, reason = "each bench uses a part")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use causeway_sandbox::{salesforce, servicenow};

pub(crate) const PASSWORD: &str = "bench-practice";

/// A process that ends with the bench.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// Starts the binary and waits until it accepts connections at `address`.
pub(crate) fn start(address: SocketAddr, arguments: &[&str]) -> Process {
    let child = Command::new(env!("CARGO_BIN_EXE_causeway"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut process = Process(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(address).is_err() {
        let ended = process.0.try_wait().expect("a child");
        assert!(ended.is_none(), "{arguments:?} ended: {ended:?}");
        assert!(
            Instant::now() < deadline,
            "{arguments:?} does not answer at {address}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    process
}

/// A configuration with one user, who sees everything.
pub(crate) fn configuration(
    causeway: SocketAddr,
    salesforce: &str,
    servicenow: &str,
    connections: u64,
) -> String {
    format!(
        r#"
[server]
listen = "{causeway}"
max_connections = {connections}

[sources.salesforce]
kind = "salesforce"
url = "{salesforce}"
auth = {{ flow = "client_credentials", client_id = "{}", client_secret = "{}" }}

[sources.servicenow]
kind = "servicenow"
url = "{servicenow}"
auth = {{ flow = "client_credentials", client_id = "{}", client_secret = "{}" }}

[[users]]
name = "bench"
password = "{PASSWORD}"
all_domains = true
"#,
        salesforce::credentials::CLIENT_ID,
        salesforce::credentials::CLIENT_SECRET,
        servicenow::credentials::CLIENT_ID,
        servicenow::credentials::CLIENT_SECRET,
    )
}
