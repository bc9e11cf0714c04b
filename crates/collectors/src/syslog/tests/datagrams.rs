use std::net::UdpSocket;

use super::world::{open, open_in};
use crate::deliver::tests::world::World;

#[tokio::test]
async fn each_datagram_is_a_message() {
    let (world, address) = open(r#""protocol": "udp", "max_message_bytes": 500"#).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let long = format!("<13>1 - h a - - - {}", "x".repeat(600));
    for message in ["<13>1 - h a - - - one\n", "", "\0", "<13>Jan  1 10:00:00 h a: two\nlines", &long] {
        socket.send_to(message.as_bytes(), address).unwrap();
    }
    world.until("three messages", |bodies| bodies.len() == 3).await;
    let log = world.end().await;
    let lines = log.logs();
    assert_eq!((lines[0].body.as_str(), lines[1].body.as_str()), ("one", "two\nlines"));
    assert_eq!((lines[2].body.len(), lines[2].attributes["text.cut"].as_str()), (500 - 18, "true"));
    assert_eq!(lines[0].attributes["client.address"], "127.0.0.1");
}

#[tokio::test]
async fn what_came_before_the_end_is_taken() {
    let world = World::new().await;
    let address = open_in(&world, r#""protocol": "udp""#).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..500 {
        socket.send_to(format!("<13>1 - h a - - - {n}").as_bytes(), address).unwrap();
    }
    let log = world.end().await;
    assert_eq!(log.logs().len(), 500);
}

#[test]
fn the_system_tells_of_lost_datagrams() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _runtime = runtime.enter();
    let socket = crate::syslog::udp::bind("127.0.0.1:0".parse().unwrap(), 4_096).unwrap();
    let inode = rustix::fs::fstat(&socket).unwrap().st_ino;
    assert_eq!(crate::syslog::lost::lost(inode), Some(0));
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..200 {
        sender.send_to(&[b'x'; 1_000], socket.local_addr().unwrap()).unwrap();
    }
    assert!(crate::syslog::lost::lost(inode).unwrap() > 100);
}
