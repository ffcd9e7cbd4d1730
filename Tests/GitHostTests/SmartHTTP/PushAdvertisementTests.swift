import SystemPackage
import Testing

@testable import GitHost

/// `git push` of a SHA-256 repository to an empty one ended with `protocol error: unexpected capabilities^{}`.
@Suite struct PushAdvertisementTests {
    private let zeros = String(repeating: "0", count: 40)
    private let ones = String(repeating: "f", count: 40)

    private func packet(_ text: String) -> [UInt8] { PacketLine.encode(Array(text.utf8)) }

    private func changed(_ bytes: [UInt8], piece: Int, offering formats: [ObjectFormat] = []) -> String {
        var advertisement = PushAdvertisement(offering: formats)
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            result += advertisement.receive(Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        return (result + advertisement.rest()).text
    }

    @Test("the line that stands for no refs becomes one that all clients pass over", arguments: [1, 3, 50, 1000])
    func empty(piece: Int) {
        let line = packet("\(zeros) capabilities^{}\0delete-refs object-format=sha1\n")
        let expected = packet("\(ones) .have\0delete-refs object-format=sha1 object-format=sha256\n") + PacketLine.flush
        #expect(changed(line + PacketLine.flush, piece: piece, offering: [.sha256]) == expected.text)
        let version = packet("version 1\n")
        #expect(
            changed(version + line + PacketLine.flush, piece: piece, offering: [.sha256]) == (version + expected).text)
    }

    @Test("signed pushes are not offered", arguments: [1, 1000])
    func certificates(piece: Int) {
        for (git, ours) in [
            ("a push-cert=1-x b\n", "a b\n"), ("push-cert=1-x\n", "\n"), ("a push-cert=1-x\n", "a\n"),
            (" push-cert=1-x a\n", " a\n"),
        ] {
            let rest = packet("\(ones) refs/heads/x\n") + PacketLine.flush
            #expect(
                changed(packet("\(ones) refs/heads/a\0\(git)") + rest, piece: piece)
                    == (packet("\(ones) refs/heads/a\0\(ours)") + rest).text)
        }
        #expect(
            changed(packet("\(zeros) capabilities^{}\0a push-cert=1-x\n"), piece: piece, offering: [.sha256])
                == packet("\(ones) .have\0a object-format=sha256\n").text)
    }

    @Test("everything else stays as it is", arguments: [1, 7, 1000])
    func others(piece: Int) {
        for text in [
            packet("\(ones) refs/heads/main\0a b\n") + PacketLine.flush, PacketLine.flush, Array("00".utf8),
            Array("zzzz".utf8), packet("\(zeros) capabilities^{}"), packet("0 capabilities^{}\0a\n"), [],
        ] {
            #expect(changed(text, piece: piece, offering: [.sha256]) == text.text)
        }
    }
}
