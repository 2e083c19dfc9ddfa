check_background_status() {
    echo "Checking background process status..."
    
    local -a pid_files=(
        "/tmp/background_monitor.pid"
        "/tmp/conversation_coordinator.pid"
        "/tmp/communication_daemon.pid"
    )
    
    local -a process_names=(
        "Background Monitor"
        "Conversation Coordinator"
        "Communication Daemon"
    )
    
    for i in "${!pid_files[@]}"; do
        local pid_file="${pid_files[$i]}"
        local process_name="${process_names[$i]}"
        
        if [[ -f "$pid_file" ]]; then
            local pid=$(cat "$pid_file")
            if kill -0 "$pid" 2>/dev/null; then
                echo "✓ $process_name: RUNNING (PID: $pid)"
            else
                echo "✗ $process_name: DEAD (PID file exists but process not running)"
            fi
        else
            echo "✗ $process_name: NOT STARTED (no PID file)"
        fi
    done
    
    return 0
}
