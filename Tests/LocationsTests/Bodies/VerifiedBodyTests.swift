import AnnexProtocol
import Blocking
import Locations
import LocationsTesting
import TestKit
import Testing

@Suite struct VerifiedBodyTests {
    private let pool = BlockingPool(name: "digests", threadCount: 2)
    private let bytes = seededBytes(3_000_000, seed: 1)

    private func upload(_ body: any UploadBody, offset: UInt64 = 0) -> Upload {
        Upload(client: [], associatedFile: nil, offset: offset, length: Int64(bytes.count) - Int64(offset), body: body)
    }

    @Test(
        "right and wrong content is told at the end, again and again, and the bytes pass unchanged",
        arguments: [true, false])
    func verdict(isRight: Bool) async throws {
        let key = try sha256Key(isRight ? bytes : bytes.reversed())
        let body = upload(FakeBody(bytes, pieces: 100_001)).judged(as: key, pool: pool).body
        #expect(body.isJudged)
        let (read, end) = try await readAll(body)
        #expect(read == bytes)
        #expect(end.proof == (isRight ? .right : .wrong))
        #expect(try await body.next().proof == end.proof)
        await pool.shutdown()
    }

    @Test("too few bytes are wrong as well, and a body that breaks off has no verdict")
    func short() async throws {
        let key = try sha256Key(bytes)
        let short = upload(FakeBody(Array(bytes.dropLast()))).judged(as: key, pool: pool).body
        #expect(try await readAll(short).end.proof == .wrong)
        let broken = upload(FakeBody(bytes, end: .broken)).judged(as: key, pool: pool).body
        #expect(try await readAll(broken).end.isBroken)
        await pool.shutdown()
    }

    @Test("nothing is claimed of what cannot be told: the end of some content, and keys without a digest")
    func unchecked() async throws {
        let rest = upload(FakeBody(Array(bytes[1000...])), offset: 1000).judged(as: try sha256Key(bytes), pool: pool)
            .body
        #expect(!rest.isJudged)
        #expect(try await readAll(rest).end.proof == .unchecked)
        let url = upload(FakeBody(bytes)).judged(as: try Key(parsing: "URL-s3000000--x"), pool: pool).body
        #expect(!url.isJudged)
        await pool.shutdown()
    }

    @Test("what is judged already is hashed no second time")
    func once() async throws {
        let key = try sha256Key(bytes)
        let first = upload(FakeBody(bytes)).judged(as: key, pool: pool)
        let second = first.judged(as: key, pool: pool)
        #expect(first.body as AnyObject === second.body as AnyObject)
        await pool.shutdown()
    }
}
