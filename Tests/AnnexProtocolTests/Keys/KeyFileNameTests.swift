import AnnexProtocol
import Testing

@Suite struct KeyFileNameTests {
    @Test(
        "spec 01 #5: the names of files",
        arguments: [
            ("URL--http://example.com/a%b&c:d", "URL--http&c%%example.com%a&sb&ac&cd"),
            ("URL--http&c%%x", "URL--http&ac&s&sx"),
            ("SHA256-s3--../../x", "SHA256-s3--..%..%x"),
            ("FOO--a b", "FOO--a b"),
        ])
    func names(key: String, file: String) throws {
        #expect(try String(decoding: Key(parsing: key).fileName, as: UTF8.self) == file)
        #expect(try Key(fileName: Array(file.utf8)).description == key)
    }

    @Test("an escape that git-annex never writes stands for its own character; a dangling one is no key")
    func oddEscapes() throws {
        #expect(try Key(fileName: Array("FOO--&xy".utf8)).description == "FOO--xy")
        #expect(throws: KeyError.notAKey) { try Key(fileName: Array("FOO--x&".utf8)) }
    }

    @Test("a file name that holds a line feed is no key")
    func lineFeed() { #expect(throws: KeyError.forbiddenByte) { try Key(fileName: Array("FOO--x\n".utf8)) } }
}
