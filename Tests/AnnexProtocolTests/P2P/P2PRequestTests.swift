import AnnexProtocol
import Testing

@Suite struct P2PRequestTests {
    private static let uuid = "b779130f-af5e-43d6-8fa8-b968301c665e"
    private static let key = "SHA256-s3--x"
    private static let common = "key=SHA256-s3--x&clientuuid=CU"

    @Test(
        "spec 01 #74: every action, in every version that has it",
        arguments: [
            ("checkpresent", 0, P2POperation.Permission.read), ("lockcontent", 0, .lock), ("keeplocked", 0, .lock),
            ("remove", 0, .remove), ("remove-before", 3, .remove), ("gettimestamp", 3, .read), ("put", 0, .write),
            ("putoffset", 1, .write),
        ])
    func actions(action: String, first: Int, permission: P2POperation.Permission) throws {
        for version in 0...5 {
            let path = "\(Self.uuid)/v\(version)/\(action)"
            let query = Self.common + "&timestamp=5&lockid=L"
            if version < first || version > 4 {
                // spec 01 #75
                expect(.notFound) { () throws(P2PRequestError) in _ = try parse("POST", path, query) }
                continue
            }
            let request = try parse("POST", path, query)
            #expect(request.version == P2PVersion(rawValue: version))
            #expect(request.repository == RepositoryUUID(Self.uuid))
            #expect(request.client == RepositoryUUID("CU"))
            #expect(request.operation.permission == permission)
            #expect(try parse("POST", path + "/", query) == request)
            for method in ["GET", "HEAD", "PUT", "post"] {
                expect(.methodNotAllowed) { () throws(P2PRequestError) in _ = try parse(method, path, query) }
            }
        }
    }

    @Test("spec 01 §6.2: the operations and their parameters")
    func operations() throws {
        let key = try Key(parsing: Self.key)
        func operation(_ rest: String, _ query: String = Self.common) throws -> P2POperation {
            try parse("POST", "\(Self.uuid)/\(rest)", query).operation
        }
        #expect(try operation("v4/checkpresent") == .checkPresent(key))
        #expect(try operation("v4/lockcontent") == .lockContent(key))
        #expect(try operation("v0/remove") == .remove(key))
        #expect(
            try operation("v3/remove-before", Self.common + "&timestamp=1709") == .removeBefore(key, timestamp: 1709))
        #expect(try operation("v4/gettimestamp", "clientuuid=x") == .getTimestamp)
        #expect(try operation("v4/putoffset") == .putOffset(key))
        #expect(try operation("v4/keeplocked", "lockid=%5BZm9v%5D") == .keepLocked(#require(LockID(Array("foo".utf8)))))
        #expect(try operation("v4/put") == .put(P2POperation.Put(key: key)))
        let query = Self.common + "&associatedfile=new%20file%251.txt&offset=0017&data-present=TRUE&other=%20"
        let put = P2POperation.Put(
            key: key, associatedFile: Array("new file%1.txt".utf8), offset: 17, isDataPresent: true)
        #expect(try operation("v4/put", query) == .put(put))
        #expect(try operation("v4/put", query).key == key)
        #expect(try operation("v4/gettimestamp", "clientuuid=x").key == nil)
    }

    @Test("spec 01 §6.1: GET and HEAD of content, with and without version")
    func content() throws {
        let key = try Key(parsing: "URL--http://example.com/x y")
        let path = "key/URL--http:%2F%2Fexample.com%2Fx%20y"
        for method in ["GET", "HEAD"] {
            let versioned = try parse(method, "SU/v0/\(path)", "clientuuid=CU&associatedfile=f&offset=9")
            #expect(versioned.operation == .getContent(key, offset: 9, associatedFile: [UInt8(ascii: "f")]))
            #expect(versioned.operation.permission == .read)
            let plain = try parse(method, "SU/\(path)/", "offset=-1&associatedfile=%5B!!%5D")
            #expect(plain.operation == .getContent(key, offset: 0, associatedFile: nil))
            #expect(plain.version == nil && plain.client == nil)
        }
        #expect(try parse("GET", "SU/\(path)", "clientuuid=CU").client == RepositoryUUID("CU"))
        expect(.methodNotAllowed) { () throws(P2PRequestError) in
            _ = try parse("POST", "SU/v4/\(path)", "clientuuid=CU")
        }
        do { _ = try parse("POST", "SU/\(path)", "") } catch { #expect(error.allowedMethods == ["GET", "HEAD"]) }
        // In a path, `+` is itself.
        #expect(try parse("GET", "SU/key/FOO--a+b", "").operation.key == Key(parsing: "FOO--a+b"))
    }

    @Test(
        "spec 01 #75 and §6.1: paths that do not exist",
        arguments: [
            "", "/", "SU", "SU/", "SU/v4", "SU/v4/", "SU/v5/checkpresent", "SU/v10/checkpresent", "SU/V4/checkpresent",
            "SU/4/checkpresent", "SU/v-/checkpresent", "SU/v4/Checkpresent", "SU/v4/nothing", "SU/v4/checkpresent/x",
            "SU/v4/checkpresent//", "SU//v4/checkpresent", "/SU/v4/checkpresent", "SU/v4/key", "SU/v4/key/", "SU/key/",
            "SU/v4/key/a/b", "SU/key/FOO--a/b", "SU/v4/other/FOO--a", "%20/v4/checkpresent", "SU/v2/gettimestamp",
            "SU/v0/putoffset", "SU/v2/remove-before", "SU/key", "[]/v4/checkpresent",
        ])
    func unknownPaths(path: String) {
        for method in ["GET", "POST"] {
            expect(.notFound) { () throws(P2PRequestError) in _ = try parse(method, path, Self.common) }
        }
    }

    @Test(
        "spec 01 #2, #76, #77, #79, #87: bad parameters and their texts",
        arguments: [
            ("checkpresent", "clientuuid=CU", "Query parameter key is required"),
            ("checkpresent", "", "Query parameter key is required"),
            ("checkpresent", "key=abc&clientuuid=CU", "Error parsing query parameter key failed: key parse error"),
            (
                "checkpresent", "key=FOO--a%0A&clientuuid=CU",
                "Error parsing query parameter key failed: key parse error"
            ),
            ("checkpresent", "key=&clientuuid=CU", "Error parsing query parameter key failed: key parse error"),
            ("checkpresent", "key=FOO--a", "Query parameter clientuuid is required"),
            ("checkpresent", "key=FOO--a&clientuuid=", "Error parsing query parameter clientuuid failed: empty UUID"),
            ("checkpresent", "key=FOO--a&clientuuid", "Error parsing query parameter clientuuid failed: empty UUID"),
            ("checkpresent", "key=FOO--a&clientuuid=[]", "Error parsing query parameter clientuuid failed: empty UUID"),
            ("gettimestamp", "", "Query parameter clientuuid is required"),
            ("remove-before", common, "Query parameter timestamp is required"),
            ("keeplocked", "clientuuid=CU", "Query parameter lockid is required"),
            ("checkpresent", "key=[!!]&clientuuid=CU", nil), ("checkpresent", "key=FOO--a&clientuuid=%5B!!%5D", nil),
            ("checkpresent", common + "&bypass=[!!]", nil), ("keeplocked", "lockid=[!!]", nil),
            ("keeplocked", "lockid=", nil),
            ("put", common + "&associatedfile=[!!]", nil), ("put", common + "&offset=", nil),
            ("put", common + "&data-present=1", nil), ("put", common + "&data-present=yes", nil),
            ("put", common + "&data-present", nil), ("put", common + "&x=%zz", nil),
        ] as [(String, String, String?)])
    func badParameters(action: String, query: String, text: String?) {
        #expect {
            try parse("POST", "SU/v4/\(action)", query)
        } throws: {
            let error = $0 as? P2PRequestError
            return error?.status == 400 && (text == nil || error?.message == text)
        }
    }

    @Test(
        "spec 01 #79: numbers are digits and nothing else",
        arguments: ["abc", "-5", "0x3", "%209", "+9", "9%20", "1.0", "%D9%A3"])
    func badNumbers(number: String) {
        let query = Self.common + "&offset=\(number)&timestamp=\(number)"
        expect(.badRequest) { () throws(P2PRequestError) in _ = try parse("POST", "SU/v4/put", query) }
        expect(.badRequest) { () throws(P2PRequestError) in _ = try parse("GET", "SU/v4/key/FOO--a", query) }
        expect(.badRequest) { () throws(P2PRequestError) in _ = try parse("POST", "SU/v4/remove-before", query) }
    }

    @Test("numbers beyond every file count as the largest")
    func largeNumbers() throws {
        let query = Self.common + "&timestamp=99999999999999999999999999"
        let expected = P2POperation.removeBefore(try Key(parsing: Self.key), timestamp: UInt64(Int64.max))
        #expect(try parse("POST", "SU/v4/remove-before", query).operation == expected)
    }

    @Test(
        "spec 01 #2, #77: bad names in the path",
        arguments: [
            "SU/v4/key/abc", "SU/key/abc", "SU/key/[!!]", "[!!]/key/FOO--a", "%5B!!%5D/v4/key/FOO--a",
            "SU/key/FOO--%zz",
            "%zz/key/FOO--a", "SU/key/FOO--%00", "SU/v4/key/SHA256-s-5--x",
        ])
    func badPaths(path: String) {
        expect(.badRequest) { () throws(P2PRequestError) in _ = try parse("GET", path, "clientuuid=CU") }
    }

    @Test("spec 01 §6.3: the text for a bad key in the path")
    func badKeyText() {
        #expect { try parse("GET", "SU/key/abc", "") } throws: {
            ($0 as? P2PRequestError)?.message == "key parse error"
        }
    }

    @Test("spec 01 #77: bracket forms everywhere, raw and escaped, with and without padding")
    func brackets() throws {
        let expected = try parse(
            "GET", "foo/v4/key/FOO--a%2Fb", "clientuuid=fo&associatedfile=%5BW2Zvb10%3D%5D&bypass=f")
        #expect(
            expected.operation
                == .getContent(try Key(parsing: "FOO--a/b"), offset: 0, associatedFile: Array("[foo]".utf8)))
        #expect(expected.bypass == [try #require(RepositoryUUID("f"))])
        for path in [
            "[Zm9v]/v4/key/[Rk9PLS1hL2I=]", "%5BZm9v%5D/v4/key/%5BRk9PLS1hL2I%3D%5D", "[Zm9v]/v4/key/[Rk9PLS1hL2I]",
        ] {
            for query in [
                "clientuuid=[Zm8=]&associatedfile=[W2Zvb10]&bypass=[Zg==]",
                "clientuuid=%5BZm8%5D&associatedfile=%5BW2Zvb10%3D%5D&bypass=%5BZg%5D",
            ] { #expect(try parse("GET", path, query) == expected) }
        }
    }

    @Test("spec 01 #76: a client is any text; what cannot be a UUID is nobody")
    func clients() throws {
        #expect(try parse("POST", "SU/v4/gettimestamp", "clientuuid=a%20b").client == nil)
        #expect(try parse("POST", "SU/v4/gettimestamp", "clientuuid=%FF").client?.bytes == [0xff])
        #expect(try parse("POST", "SU/v4/gettimestamp", "clientuuid=..").client?.fileName == nil)
        #expect(try parse("POST", "SU/v4/keeplocked", "lockid=L").client == nil)
        #expect(try parse("POST", "SU/v4/keeplocked", "lockid=L&clientuuid=").client == nil)
        let bypass = try parse("POST", "SU/v4/gettimestamp", "clientuuid=a&bypass=b&bypass=&bypass=c").bypass
        #expect(bypass.map(\.description) == ["b", "c"])
    }

    @Test("spec 01 #78: names that are not UTF-8 keep their bytes")
    func otherEncodings() throws {
        guard case .put(let put) = try parse("POST", "SU/v4/put", Self.common + "&associatedfile=%FF+%2B").operation
        else {
            Issue.record("no put")
            return
        }
        #expect(put.associatedFile == [0xff, 0x20, 0x2b])
    }

    @Test(
        "spec 01 #87: data-present exists in version 4 only",
        arguments: [
            ("v4", "true", true), ("v4", "False", false), ("v3", "true", false), ("v3", "1", false),
            ("v0", "yes", false),
        ])
    func dataPresent(version: String, value: String, expected: Bool) throws {
        let request = try parse("POST", "SU/\(version)/put", Self.common + "&data-present=\(value)")
        #expect(request.operation == .put(P2POperation.Put(key: try Key(parsing: Self.key), isDataPresent: expected)))
    }

    @Test(
        "spec 01 #85: the length of an upload",
        arguments: [
            ("17", 17), (" 0 ", 0), ("-4000", -4000), ("99999999999999999999", Int64.max),
            ("-99999999999999999999", -Int64.max),
        ])
    func lengths(text: String, expected: Int64) throws {
        #expect(try DataLengthHeader.parse(Array(text.utf8)) == expected)
    }

    @Test(
        "spec 01 #85: lengths that are missing or none",
        arguments: ["", " ", "-", "--4", "+4", "4 4", "0x4", "4.0", "- 4"])
    func badLengths(text: String) {
        expect(.badRequest) { () throws(P2PRequestError) in _ = try DataLengthHeader.parse(Array(text.utf8)) }
        #expect { try DataLengthHeader.parse(nil) } throws: {
            ($0 as? P2PRequestError)?.message == "Header X-git-annex-data-length is required"
        }
    }

    @Test("random requests never do harm")
    func randomRequests() {
        let pieces = [
            "SU", "v4", "v0", "key", "put", "/", "/", "%", "[", "]", "=", "&", "offset", "1", "FOO--a", "%41", "remove",
        ]
        for _ in 0..<5000 {
            let path = (0..<Int.random(in: 0...8)).map { _ in pieces.randomElement() ?? "" }.joined()
            let query = (0..<Int.random(in: 0...8)).map { _ in pieces.randomElement() ?? "" }.joined()
            for method in ["GET", "POST"] { _ = try? parse(method, path, query) }
        }
    }

    private func expect(
        _ code: P2PRequestError.Code, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws(P2PRequestError) -> Void
    ) {
        do {
            try body()
            Issue.record("no error", sourceLocation: sourceLocation)
        } catch { #expect(error.code == code, sourceLocation: sourceLocation) }
    }

    private func parse(_ method: String, _ path: String, _ query: String) throws(P2PRequestError) -> P2PRequest {
        try P2PRequest(method: method, segments: P2PRequest.segments(ofPath: path.utf8), query: query.utf8)
    }
}
