import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The response: its head, its framing, and writes that wait for the socket.
extension Connection {
    // MARK: Heads

    /// Prepares the head of the one response to a request.
    ///
    /// - Parameter length: bytes of the body, or nil when it ends by framing.
    /// - Parameter isWhole: whether the body is complete, so that nobody will read the rest of the request.
    private func head(
        _ exchange: Exchange, _ status: HTTPResponseStatus, _ headers: HTTPHeaders, length: Int?, isWhole: Bool
    ) -> ByteBuffer {
        let isModern = exchange.head.version == .http1_1
        let hasNoBody = status.code == 204 || status.code == 304 || status.code < 200
        if hasNoBody || exchange.isHead {
            exchange.framing = .none
        } else if let length {
            exchange.framing = .length(length)
        } else {
            exchange.framing = isModern ? .chunked : .untilClose
        }
        if exchange.framing == .untilClose || isShuttingDown || inputClosed { exchange.closesAfter = true }
        if exchange.bodyFailure != nil || leavesTooMuch(exchange, isWhole: isWhole) { exchange.closesAfter = true }
        let connection: StaticString? = exchange.closesAfter ? "close" : isModern ? nil : "keep-alive"
        var buffer = channel.allocator.buffer(capacity: 512)
        ResponseHead.write(
            status, headers: headers, framing: exchange.framing, contentLength: hasNoBody ? nil : length,
            connection: connection, server: core.configuration.serverName, date: core.date, into: &buffer)
        exchange.declared = length
        return buffer
    }

    /// Whether the unread rest of the request is not worth draining.
    private func leavesTooMuch(_ exchange: Exchange, isWhole: Bool) -> Bool {
        if exchange.decoder.isEnded { return false }
        // Without our 100 the client may or may not send its body, so the next bytes could be anything.
        if exchange.owesContinue { return true }
        guard isWhole, let remaining = exchange.decoder.remaining else { return false }
        return remaining > core.configuration.keepAliveDrainBytes
    }

    private func refusal(_ exchange: Exchange) -> TransportError? {
        if case .open = phase, exchange === self.exchange, !outputClosed {
            if case .none = exchange.response { return nil }
            return TransportError(.alreadyAnswered, "send a response: the request was answered before")
        }
        return lost
    }

    private var lost: TransportError { TransportError(.connectionLost, "send a response: the connection is closed") }

    // MARK: Sending, on the event loop

    /// Sends a complete response.
    @discardableResult
    func sendWhole(
        _ exchange: Exchange, status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer, closing: Bool
    ) -> TransportError? {
        if let refusal = refusal(exchange) { return refusal }
        if closing { exchange.closesAfter = true }
        var head = head(exchange, status, headers, length: body.readableBytes, isWhole: true)
        exchange.response = .complete
        if exchange.framing == .none || body.readableBytes == 0 {
            write(exchange, head)
        } else if body.readableBytes <= 4096 {
            head.writeImmutableBuffer(body)
            write(exchange, head)
        } else {
            write(exchange, head, .byteBuffer(body))
        }
        return nil
    }

    /// Sends a complete chunked response, so that a short one can say that its content is not valid (spec 01 §6.4).
    func sendWholeChunked(
        _ exchange: Exchange, status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer
    ) -> TransportError? {
        if let failure = beginStream(exchange, status: status, headers: headers, length: nil, isWhole: true) {
            return failure
        }
        if body.readableBytes > 0, let failure = sendChunk(exchange, .byteBuffer(body), flushing: false) {
            return failure
        }
        return finishStream(exchange)
    }

    /// Writes the head of a response whose body follows; it leaves with the first piece, or with ``flush()``.
    func beginStream(
        _ exchange: Exchange, status: HTTPResponseStatus, headers: HTTPHeaders, length: Int?, isWhole: Bool = false
    ) -> TransportError? {
        if let refusal = refusal(exchange) { return refusal }
        let head = head(exchange, status, headers, length: length, isWhole: isWhole)
        exchange.response = .streaming
        write(exchange, head, flushing: false)
        return nil
    }

    func flush() { context?.flush() }

    /// Sends one piece of a body in the framing of the response.
    func sendChunk(_ exchange: Exchange, _ piece: IOData, flushing: Bool = true) -> TransportError? {
        guard case .open = phase, exchange === self.exchange, !outputClosed else { return lost }
        guard case .streaming = exchange.response else {
            return TransportError(.alreadyAnswered, "write a body: the response has ended")
        }
        let size = piece.readableBytes
        if let declared = exchange.declared, exchange.written + size > declared {
            abort(exchange)
            return TransportError(.wrongLength, "write a body: more than the declared \(declared) bytes")
        }
        exchange.written += size
        switch exchange.framing {
        case .none: break
        case _ where size == 0: break
        case .chunked:
            var line = channel.allocator.buffer(capacity: 24)
            line.writeString(String(size, radix: 16))
            line.writeStaticString("\r\n")
            write(exchange, line, piece, ByteBuffer(staticString: "\r\n"), flushing: flushing)
        case .length, .untilClose:
            write(exchange, nil, piece, nil, flushing: flushing)
        }
        return nil
    }

    /// Ends a body cleanly.
    func finishStream(_ exchange: Exchange) -> TransportError? {
        guard case .open = phase, exchange === self.exchange, !outputClosed else { return lost }
        guard case .streaming = exchange.response else {
            return TransportError(.alreadyAnswered, "end a body: the response has ended")
        }
        if case .length(let length) = exchange.framing, exchange.written < length {
            abort(exchange)
            let message = "end a body: \(exchange.written) of \(length) bytes were written"
            return TransportError(.wrongLength, message)
        }
        exchange.response = .complete
        if exchange.framing == .chunked {
            write(exchange, ByteBuffer(staticString: "0\r\n\r\n"))
        } else {
            flush()
        }
        return nil
    }

    /// Closes so that the client cannot take the response for complete.
    func abort(_ exchange: Exchange) {
        guard exchange === self.exchange else { return }
        if case .complete = exchange.response, exchange.outstanding == 0 { return }
        exchange.response = .aborted
        exchange.closesAfter = true
        if exchange.framing == .untilClose {
            // Only a reset tells this client that the body is not complete.
            _ = (channel as? any SocketOptionProvider)?.setSoLinger(Glibc.linger(l_onoff: 1, l_linger: 0))
        }
        close()
    }

    private func write(
        _ exchange: Exchange, _ before: ByteBuffer?, _ middle: IOData? = nil, _ after: ByteBuffer? = nil,
        flushing: Bool = true
    ) {
        guard let context else { return }
        var parts = [middle, after.map { .byteBuffer($0) }].compactMap { $0 }
        if let before { parts.insert(.byteBuffer(before), at: 0) }
        guard let last = parts.popLast() else { return }
        let size = parts.reduce(last.readableBytes) { $0 + $1.readableBytes }
        for part in parts { context.write(wrapOutboundOut(part), promise: nil) }
        let promise = loop.makePromise(of: Void.self)
        exchange.outstanding += 1
        promise.futureResult.whenComplete { self.writeEnded(exchange, size, $0) }
        context.write(wrapOutboundOut(last), promise: promise)
        if flushing { context.flush() }
        if exchange.outstanding > 0, flushing {
            deadlines.observe(unsent: max(1, unsentBytes()), at: .now())
            schedule()
        }
    }

    private func writeEnded(_ exchange: Exchange, _ size: Int, _ result: Result<Void, any Error>) {
        exchange.outstanding -= 1
        switch result {
        case .success:
            core.statistics.sent.add(size, ordering: .relaxed)
            exchange.writers.removeAll { entry in
                guard exchange.outstanding <= entry.limit else { return false }
                entry.waiter.resume(nil)
                return true
            }
        case .failure:
            failWriters(exchange)
            exchange.cancel()
            close()
        }
        if exchange.outstanding == 0 {
            deadlines.observe(unsent: 0, at: .now())
            finishIfReady(exchange)
        }
    }

    /// Tells everybody who waits for writes that they will not happen. Those who wait for all writes learn it when the
    /// last one was given up, since until then the channel may still use what they own.
    func failWriters(_ exchange: Exchange) {
        exchange.writers.removeAll { entry in
            guard entry.limit > 0 || exchange.outstanding == 0 else { return false }
            entry.waiter.resume(lost)
            return true
        }
    }

    // MARK: Sending, from a task

    /// Runs `action` on the event loop and waits until at most `limit` writes are under way.
    ///
    /// - Parameter abortsOnCancel: gives up the connection when the task is cancelled, and still waits.
    func perform(
        _ exchange: Exchange, limit: Int, abortsOnCancel: Bool = false,
        _ action: @escaping @Sendable (Connection) -> TransportError?
    ) async throws {
        if loop.inEventLoop {
            if let failure = action(self) { throw failure }
            if exchange.outstanding <= limit { return }
            try await settle(exchange, limit: limit, abortsOnCancel: abortsOnCancel) { _ in nil }
        } else {
            try await settle(exchange, limit: limit, abortsOnCancel: abortsOnCancel, action)
        }
    }

    private func settle(
        _ exchange: Exchange, limit: Int, abortsOnCancel: Bool,
        _ action: @escaping @Sendable (Connection) -> TransportError?
    ) async throws {
        let waiter = Waiter<TransportError?>()
        let cancelled = TransportError(.cancelled, "send a response: the request was cancelled")
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                onLoop {
                    if let failure = action(self) {
                        waiter.resume(failure)
                    } else if exchange.outstanding <= limit {
                        waiter.resume(nil)
                    } else if waiter.isAbandoned, !abortsOnCancel {
                        waiter.resume(cancelled)
                    } else {
                        exchange.writers.append((limit, waiter))
                    }
                    waiter.attach(continuation)
                }
            }
        } onCancel: {
            onLoop {
                waiter.isAbandoned = true
                if abortsOnCancel {
                    self.abort(exchange)
                } else if exchange.writers.contains(where: { $0.waiter === waiter }) {
                    exchange.writers.removeAll { $0.waiter === waiter }
                    waiter.resume(cancelled)
                }
            }
        }
        if let failure { throw failure }
    }
}
