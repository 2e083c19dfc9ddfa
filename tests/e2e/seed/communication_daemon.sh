start_communication_daemon() {
    echo "Starting inter-conversation communication daemon..."
    
    local daemon_log="/tmp/communication_daemon.log"
    local daemon_pid_file="/tmp/communication_daemon.pid"
    
    # Communication daemon function
    communication_daemon() {
        while true; do
            local timestamp=$(date +"%Y-%m-%d %H:%M:%S")
            
            # Process pending tickets
            if [[ -f "shared_state/tickets.md" ]]; then
                local new_tickets=$(grep -c "\[$timestamp" shared_state/tickets.md 2>/dev/null || echo 0)
                if [[ $new_tickets -gt 0 ]]; then
                    echo "[$timestamp] Processing $new_tickets new tickets" >> "$daemon_log"
                fi
            fi
            
            # Update shared status
            if [[ -f "shared_state/status.md" ]]; then
                echo "[$timestamp] Updating shared status" >> "$daemon_log"
                # Update status file with current information
                {
                    echo "# Current State Across Conversations"
                    echo ""
                    echo "## System State"
                    echo "- Last update: $timestamp"
                    echo "- Active processes: $(pgrep -f "background_monitor\\|conversation_coordinator\\|communication_daemon" | wc -l)"
                    echo "- Current branch: $(git branch --show-current 2>/dev/null)"
                } > shared_state/status.md.tmp && mv shared_state/status.md.tmp shared_state/status.md
            fi
            
            sleep 15
        done
    }
    
    # Start daemon
    communication_daemon &
    local daemon_pid=$!
    
    echo "$daemon_pid" > "$daemon_pid_file"
    echo "Communication daemon started with PID: $daemon_pid"
    echo "Log file: $daemon_log"
    
    return 0
}
