import NIOCore

/// The body as one turn sees it: tells the turn how it gets on, and looks broken off if the turn is to end, so that the
/// place keeps what it has.
struct WatchedBody: UploadBody {
    let body: ResumableBody
    let turn: Turn

    var isJudged: Bool { body.isJudged }

    func next() async throws -> UploadChunk {
        if turn.isAskedToStepBack { return .broken }
        let chunk = try await turn.steppingBack { try await body.next() }
        switch chunk {
        case .bytes(let piece): turn.advance(by: piece.readableBytes)
        case .end: turn.settle()
        case .broken: break
        }
        return chunk
    }
}
