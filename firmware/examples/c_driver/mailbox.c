/* SPDX-License-Identifier: Apache-2.0
 * Requests come in and records go out through two rings in control memory. */
#include "c_driver.h"

static uint64_t mailbox(const driver* d, uint32_t offset) {
  return d->boot.mailbox_base + offset;
}

void start_mailbox(board* b, driver* d) {
  write_register(b, mailbox(d, TANDEM_MAILBOX_CONTROL), 0);
  write_address(b, mailbox(d, TANDEM_MAILBOX_REQUEST_BASE_LO), d->requests);
  write_register(b, mailbox(d, TANDEM_MAILBOX_REQUEST_SIZE), RING_ENTRIES);
  write_register(b, mailbox(d, TANDEM_MAILBOX_REQUEST_HEAD), 0);
  write_address(b, mailbox(d, TANDEM_MAILBOX_RECORD_BASE_LO), d->records);
  write_register(b, mailbox(d, TANDEM_MAILBOX_RECORD_SIZE), RING_ENTRIES);
  write_register(b, mailbox(d, TANDEM_MAILBOX_RECORD_TAIL), 0);
  write_register(b, mailbox(d, TANDEM_MAILBOX_CONTROL),
                 TANDEM_MAILBOX_CONTROL_ENABLE_MASK | TANDEM_MAILBOX_CONTROL_IRQ_ENABLE_MASK);
}

int peek_request(board* b, const driver* d, tandem_request* request) {
  const uint32_t tail = read_register(b, mailbox(d, TANDEM_MAILBOX_REQUEST_TAIL));
  if (b->bus_error || tail == d->request_head) return 0;
  b->hal->barrier(b->hal->context);
  *request =
      *(const tandem_request*)shared(b, d->requests + d->request_head * sizeof(tandem_request));
  return 1;
}

/* Gives the entry and the prompt that it names back to the host. */
void drop_request(board* b, driver* d) {
  d->request_head = (d->request_head + 1) % RING_ENTRIES;
  write_register(b, mailbox(d, TANDEM_MAILBOX_REQUEST_HEAD), d->request_head);
}

int mailbox_closed(board* b, const driver* d) {
  const uint32_t status = read_register(b, mailbox(d, TANDEM_MAILBOX_STATUS));
  return TANDEM_GET(status, TANDEM_MAILBOX_STATUS_CLOSED) != 0;
}

/* 0: the ring is full. */
int send_outbox(board* b, driver* d) {
  const uint32_t next = (d->record_tail + 1) % RING_ENTRIES;
  if (next == read_register(b, mailbox(d, TANDEM_MAILBOX_RECORD_HEAD))) return 0;
  *(tandem_record*)shared(b, d->records + d->record_tail * sizeof(tandem_record)) = d->outbox;
  d->outbox.kind = 0;
  d->record_tail = next;
  b->hal->barrier(b->hal->context);
  write_register(b, mailbox(d, TANDEM_MAILBOX_RECORD_TAIL), next);
  return 1;
}
