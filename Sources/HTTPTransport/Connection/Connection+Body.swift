import NIOCore

/// The request body: decoded as it arrives, handed out in large pieces.
extension Connection {
    /// Decodes what has arrived.
    func decodeBody(_ exchange: Exchange) {
        guard exchange.bodyFailure == nil else {
            inbound.clear()
            return
        }
        do {
            while case .content(let piece) = try exchange.decoder.next(&inbound) { keep(piece, exchange) }
        } catch {
            inbound.clear()
            loseBody(exchange, .malformed(error.message))
            exchange.closesAfter = true
        }
        if !exchange.decoder.isEnded, exchange.decoder.remaining ?? Int.max > 16 * 1024 { readLargePieces(true) }
        if exchange.drained != nil {
            let limit = core.configuration.keepAliveDrainBytes
            if exchange.drained.map({ $0 > limit }) ?? false { exchange.closesAfter = true }
            finishIfReady(exchange)
        }
    }

    private func keep(_ piece: ByteBuffer, _ exchange: Exchange) {
        if let drained = exchange.drained {
            exchange.drained = drained + piece.readableBytes
            return
        }
        // The first piece is kept as it is; further ones are copied behind it, since clients send small chunks.
        if exchange.buffered.readableBytes == 0 {
            exchange.buffered = piece
            exchange.ownsBuffered = false
            return
        }
        if !exchange.ownsBuffered {
            let total = exchange.buffered.readableBytes + piece.readableBytes + inbound.readableBytes
            var storage = channel.allocator.buffer(capacity: total)
            storage.writeImmutableBuffer(exchange.buffered)
            exchange.buffered = storage
            exchange.ownsBuffered = true
        }
        exchange.buffered.writeImmutableBuffer(piece)
    }

    /// Ends a body that has not ended; what has arrived can still be pulled.
    func loseBody(_ exchange: Exchange, _ failure: BodyError) {
        guard !exchange.decoder.isEnded, exchange.bodyFailure == nil else { return }
        exchange.bodyFailure = failure
        deliver(exchange)
    }

    /// Answers the waiting pull when there is something to say.
    func deliver(_ exchange: Exchange) {
        guard let puller = exchange.puller, let result = takeBody(exchange) else { return }
        exchange.puller = nil
        deadlines.bodyArrived()
        puller.resume(result)
    }

    /// What a pull would get now, or nil when it has to wait.
    private func takeBody(_ exchange: Exchange) -> Result<ByteBuffer?, BodyError>? {
        if exchange.buffered.readableBytes > 0 {
            let piece = exchange.buffered
            exchange.buffered = ByteBuffer()
            exchange.ownsBuffered = false
            return .success(piece)
        }
        if let failure = exchange.bodyFailure { return .failure(failure) }
        return exchange.decoder.isEnded ? .success(nil) : nil
    }

    /// Begins a pull: answers `waiter` at once, or when something arrives.
    private func pull(_ exchange: Exchange, _ waiter: Waiter<Result<ByteBuffer?, BodyError>>) {
        if let result = takeBody(exchange) {
            waiter.resume(result)
        } else if exchange !== self.exchange || exchange.drained != nil || waiter.isAbandoned {
            waiter.resume(.failure(.cancelled))
        } else {
            // Only one pull at a time makes sense; a second one takes the place of the first.
            exchange.puller?.resume(.failure(.cancelled))
            exchange.puller = waiter
            if !exchange.hasPulled { beginPulling(exchange) }
            if !exchange.allowsSilence {
                deadlines.waitForBody(at: .now())
                schedule()
            }
        }
        updateReading()
    }

    private func beginPulling(_ exchange: Exchange) {
        exchange.hasPulled = true
        guard exchange.owesContinue else { return }
        exchange.owesContinue = false
        if case .none = exchange.response, !outputClosed {
            let line = ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")
            context?.writeAndFlush(wrapOutboundOut(.byteBuffer(line)), promise: nil)
        }
    }

    func pull(_ exchange: Exchange) async -> Result<ByteBuffer?, BodyError> {
        let waiter = Waiter<Result<ByteBuffer?, BodyError>>()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                onLoop {
                    self.pull(exchange, waiter)
                    waiter.attach(continuation)
                }
            }
        } onCancel: {
            onLoop {
                waiter.isAbandoned = true
                guard exchange.puller === waiter else { return }
                exchange.puller = nil
                self.deadlines.bodyArrived()
                waiter.resume(.failure(.cancelled))
            }
        }
    }

    func allowSilence(_ isAllowed: Bool, _ exchange: Exchange) {
        exchange.allowsSilence = isAllowed
        if isAllowed { exchange.isExpendable = true }
        guard exchange === self.exchange else { return }
        if !isAllowed {
            guard exchange.puller != nil else { return }
            deadlines.waitForBody(at: .now())
            return schedule()
        }
        // As in ``beginShutdown()``, for a request that came when the shutdown had begun.
        if isShuttingDown { return cancelNow() }
        deadlines.bodyArrived()
    }
}
