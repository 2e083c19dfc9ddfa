stop_all_background_processes() {
    echo "Stopping all background processes..."
    
    local -a pid_files=(
        "/tmp/background_monitor.pid"
        "/tmp/conversation_coordinator.pid"
        "/tmp/communication_daemon.pid"
    )
    
    for pid_file in "${pid_files[@]}"; do
        if [[ -f "$pid_file" ]]; then
            local pid=$(cat "$pid_file")
            echo "Stopping process (PID: $pid)"
            kill "$pid" 2>/dev/null
            rm -f "$pid_file"
        fi
    done
    
    echo "All background processes stopped"
    return 0
}
