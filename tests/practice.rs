//! A server over both practice orgs, in this process.

use std::net::SocketAddr;
use std::time::Duration;

use causeway::config;
use causeway::identity::Users;
use causeway::practice::{Options, Orgs, PASSWORD};
use causeway::server::{self, Server};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

/// A running server; dropping it closes everything.
pub(crate) struct Practice {
    pub(crate) orgs: Orgs,
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) engine: causeway_sql::Engine,
    stop: Option<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Practice {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default(), |_| {}).await
    }

    /// Starts with orgs that answer each call later.
    pub(crate) async fn start_slow(latency_ms: u64) -> Self {
        let options = Options {
            latency: Duration::from_millis(latency_ms),
            ..Options::default()
        };
        Self::start_with(options, |_| {}).await
    }

    pub(crate) async fn start_with(options: Options, change: impl FnOnce(&mut server::Options)) -> Self {
        let orgs = Orgs::start(&options).await.expect("practice orgs");
        let folder = tempfile::tempdir().expect("a folder");
        let path = orgs.write_configuration(folder.path()).expect("a configuration");
        let mut config = config::load(&path).expect("a right configuration");
        config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        change(&mut config.server);
        let engine = causeway_sql::Engine::try_new(config.engine).expect("an engine");
        let users = Users::new(config.credentials);
        let server = Server::bind(config.server, engine.clone(), users)
            .await
            .expect("a server");
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut tasks = JoinSet::new();
        tasks.spawn(server.serve(async {
            // A dropped sender stops the server as well.
            let _ = stopped.await;
        }));
        Self {
            orgs,
            address,
            folder,
            engine,
            stop: Some(stop),
            tasks,
        }
    }

    /// Tells the server to shut down and waits until it has.
    pub(crate) async fn shut_down(&mut self) {
        self.stop.take();
        self.tasks.join_next().await;
    }

    pub(crate) fn config(&self, user: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host(self.address.ip().to_string())
            .port(self.address.port())
            .dbname("causeway")
            .user(user)
            .password(PASSWORD);
        config
    }

    /// Connects as `user`.
    pub(crate) async fn connect(&self, user: &str) -> Connected {
        let (client, connection) = self.config(user).connect(NoTls).await.expect("a connection");
        let mut task = JoinSet::new();
        task.spawn(async {
            // How the connection ended shows in the client's next call.
            let _ = connection.await;
        });
        Connected { client, task }
    }

    /// Data calls to the practice ServiceNow instance so far.
    pub(crate) fn servicenow_calls(&self) -> usize {
        self.orgs.servicenow.log().data_calls().len()
    }

    /// Waits until at least `count` data calls have reached ServiceNow.
    pub(crate) async fn servicenow_reached(&self, count: usize) {
        let log = self.orgs.servicenow.log();
        tokio::time::timeout(Duration::from_secs(20), log.reached(count))
            .await
            .expect("calls are made");
    }
}

/// A client whose connection is closed when it is dropped.
pub(crate) struct Connected {
    pub(crate) client: Client,
    task: JoinSet<()>,
}

impl Connected {
    /// Closes the socket without a word, as a client does that dies.
    pub(crate) async fn vanish(mut self) {
        self.task.shutdown().await;
    }
}

impl std::ops::Deref for Connected {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// The texts of the only row of the last answer.
pub(crate) async fn texts(client: &Client, sql: &str) -> Vec<Option<String>> {
    let mut rows = Vec::new();
    for message in client.simple_query(sql).await.expect(sql) {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
        }
    }
    assert_eq!(rows.len(), 1, "{sql}");
    rows.remove(0)
}

/// SQLSTATE and message of a failure.
pub(crate) fn failure(error: &tokio_postgres::Error) -> (String, String) {
    let database = error.as_db_error().expect("an error of the server");
    (database.code().code().to_owned(), database.message().to_owned())
}
