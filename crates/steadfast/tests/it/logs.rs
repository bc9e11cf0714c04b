//! Logs that are listened for and read by the real binary, through a kill.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;

use crate::host::Host;

/// A port that nobody has at the moment.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn append(path: &Path, lines: std::ops::Range<usize>) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    for n in lines {
        writeln!(file, "2026-11-26T10:00:{:02}Z stdout F WARN line {n}", n % 60).unwrap();
    }
}

/// Waits until a query counts so many.
async fn counted(host: &Host, what: &str, query: &str, count: i64) {
    host.until(what, async || (host.sql(query).await?.first()?.first()?.as_i64()? == count).then_some(())).await;
}

#[tokio::test]
async fn messages_and_files_are_rows_and_a_kill_loses_none() {
    let (udp, tcp) = (port(), port());
    let logs = tempfile::tempdir().unwrap();
    let pod = logs.path().join("pods/shop_web-1_uid/nginx");
    std::fs::create_dir_all(&pod).unwrap();
    let file = pod.join("0.log");
    append(&file, 0..100);
    let more = format!(
        "syslog:\n- {{listen: \"127.0.0.1:{udp}\", protocol: udp}}\n- {{listen: \"127.0.0.1:{tcp}\", protocol: tcp}}\n\
         logs:\n  files:\n  - include: [\"{}/pods/*/*/*.log\"]\n",
        logs.path().display()
    );
    let mut host = Host::new(0, &more);
    std::fs::create_dir(&host.repository).unwrap();
    host.git(&["init", "-q"]);
    host.start();
    let of_file = "SELECT count(*) FROM logs WHERE service = 'nginx' AND severity = 'WARN'";
    counted(&host, "the file's lines", of_file, 100).await;
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"<11>1 - h by-udp - - - one", ("127.0.0.1", udp)).unwrap();
    TcpStream::connect(("127.0.0.1", tcp)).unwrap().write_all(b"<11>1 - h by-tcp - - - two\n").unwrap();
    let of_syslog = "SELECT count(*) FROM logs WHERE service IN ('by-udp', 'by-tcp') AND severity = 'ERROR'";
    counted(&host, "both messages", of_syslog, 2).await;
    host.kill();
    append(&file, 100..200);
    host.start();
    let distinct = "SELECT count(DISTINCT body) FROM logs WHERE service = 'nginx'";
    counted(&host, "each line, those of before and those of after the kill", distinct, 200).await;
    assert_eq!(host.stop().await, 0);
}
