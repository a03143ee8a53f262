// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

type event struct {
	What   string `json:"what"`
	Handle string `json:"handle"` // of an instance, or with "/INDEX" of a port
	Detail string `json:"detail,omitempty"`
}

// subscribe returns a socket that hears of every change in this namespace.
func subscribe() (*nl.NetlinkSocket, error) {
	family, err := netlink.GenlFamilyGet(nl.GENL_DEVLINK_NAME)
	if err != nil {
		return nil, fmt.Errorf("no devlink here: %w", err)
	}
	socket, err := nl.Subscribe(unix.NETLINK_GENERIC)
	if err != nil {
		return nil, err
	}
	for _, group := range family.Groups {
		if group.Name != "config" {
			continue
		}
		// Not by bind(): a group's number may be above 32.
		err = unix.SetsockoptInt(socket.GetFd(), unix.SOL_NETLINK,
			unix.NETLINK_ADD_MEMBERSHIP, int(group.ID))
		if err == nil {
			return socket, nil
		}
	}
	socket.Close()
	return nil, fmt.Errorf("cannot subscribe to devlink's group config: %v", err)
}

var eventNames = map[uint8]string{
	cmdNew: "new", cmdDel: "del",
	nl.DEVLINK_CMD_PORT_NEW: "port new", nl.DEVLINK_CMD_PORT_DEL: "port del",
	cmdParamNew: "param new", cmdParamDel: "param del",
}

func parseEvent(data []byte) event {
	var d device
	var fn function
	e := event{What: eventNames[data[0]]}
	index := ""
	eachAttr(data[nl.SizeofGenlmsg:], func(kind uint16, value []byte) {
		switch kind {
		case nl.DEVLINK_ATTR_BUS_NAME:
			d.Bus = text(value)
		case nl.DEVLINK_ATTR_DEV_NAME:
			d.Name = text(value)
		case nl.DEVLINK_ATTR_PORT_INDEX:
			index = fmt.Sprintf("/%d", native.Uint32(value))
		case attrParam:
			e.Detail = parseParam(value).Name
		case nl.DEVLINK_ATTR_PORT_FUNCTION:
			eachAttr(value, fn.parse)
			e.Detail = fmt.Sprintf("active %t attached %t", fn.Active, fn.Attached)
		}
	})
	if e.What == "" {
		e.What = fmt.Sprintf("command %d", data[0])
	}
	e.Handle = d.String() + index
	return e
}

// receiveEvents calls f for each change until f says no. What = "lost" stands for changes
// that came faster than we read: look again at all that matters.
func receiveEvents(socket *nl.NetlinkSocket, f func(event) bool) error {
	for {
		msgs, _, err := socket.Receive()
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.ENOBUFS) {
			if !f(event{What: "lost"}) {
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if len(m.Data) >= nl.SizeofGenlmsg && !f(parseEvent(m.Data)) {
				return nil
			}
		}
	}
}

// watcher wakes those who wait for a change of one instance or port.
type watcher struct {
	sync.Mutex
	waiting map[string]chan struct{}
}

func newWatcher() (*watcher, error) {
	socket, err := subscribe()
	if err != nil {
		return nil, err
	}
	w := &watcher{waiting: map[string]chan struct{}{}}
	go receiveEvents(socket, func(e event) bool { // to the end of the program
		w.Lock()
		defer w.Unlock()
		for handle, wake := range w.waiting {
			if e.What == "lost" {
				poke(wake)
			} else if handle == e.Handle {
				poke(wake)
				break
			}
		}
		return true
	})
	return w, nil
}

func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// until waits until there says true. It is asked when a change of handle was told, and now
// and then in between: not every driver tells of every change.
func (w *watcher) until(handle string, limit time.Duration, there func() (bool, error)) error {
	wake := make(chan struct{}, 1)
	w.Lock()
	w.waiting[handle] = wake
	w.Unlock()
	defer func() {
		w.Lock()
		delete(w.waiting, handle)
		w.Unlock()
	}()
	for end := time.Now().Add(limit); ; {
		ok, err := there()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %v", handle, limit)
		}
		select {
		case <-wake:
		case <-time.After(250 * time.Millisecond):
		}
	}
}
