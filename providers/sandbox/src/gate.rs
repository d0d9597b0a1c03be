//! A gate before the answers of an org, so that a test decides what happens while calls are under way.

use tokio::sync::watch;

/// Holds the answers to data calls back while it is closed. The calls stand in the log by then. Clones share the gate.
#[derive(Debug, Clone)]
pub struct Gate(
    /// Answers that may still go; `None` while the gate is open.
    watch::Sender<Option<usize>>,
);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Gate {
    /// Holds back every answer from now on.
    pub fn close(&self) {
        self.0.send_replace(Some(0));
    }

    /// Lets out what is held back, and everything from now on.
    pub fn open(&self) {
        self.0.send_replace(None);
    }

    /// Lets out so many answers of those that are held back or come later.
    pub fn let_out(&self, answers: usize) {
        self.0
            .send_modify(|passes| *passes = passes.map(|passes| passes + answers));
    }

    /// Waits until an answer may go.
    pub(crate) async fn pass(&self) {
        let mut changes = self.0.subscribe();
        loop {
            let mut may_go = false;
            self.0.send_if_modified(|passes| {
                may_go = *passes != Some(0);
                match passes {
                    Some(left) if may_go => {
                        *left -= 1;
                        true
                    }
                    _ => false,
                }
            });
            if may_go || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_closed_gate_lets_out_as_many_as_it_is_told() {
        let gate = Gate::default();
        assert_eq!(gate.pass().now_or_never(), Some(()));
        gate.close();
        assert_eq!(gate.pass().now_or_never(), None);
        gate.let_out(1);
        assert_eq!(gate.pass().now_or_never(), Some(()));
        assert_eq!(gate.pass().now_or_never(), None);
        gate.open();
        assert_eq!(gate.pass().now_or_never(), Some(()));
    }
}
